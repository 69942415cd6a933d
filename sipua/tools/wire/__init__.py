"""What goes over the wire for a tool: the arguments' schema, webhooks and their signature."""
