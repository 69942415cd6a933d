"""What the model can do during a call: built-in tools, webhooks, Python functions, MCP servers."""
