"""What the model can do during a call: built-in tools, webhooks, Python functions, MCP servers.

from sipua.tools import CallInfo, ToolError     # for tools of your own: docs/tools.md
"""

from sipua.calls.facts import CallFacts as CallInfo
from sipua.tools.wire.errors import ToolError

__all__ = ["CallInfo", "ToolError"]
