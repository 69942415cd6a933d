"""MCP servers: declared to the engine, which calls them by itself."""

from __future__ import annotations

from typing import Any

from sipua.config.sections.tools import McpSection


def declaration(server: McpSection) -> dict[str, Any]:
    """The declaration in the vendor's form. It holds secrets: it goes to the engine only."""
    declared: dict[str, Any] = {
        "type": "mcp",
        "server_label": server.label,
        "server_url": server.url,
        "require_approval": server.require_approval,
    }
    if server.description:
        declared["server_description"] = server.description
    if token := server.authorization.get_secret_value():
        declared["authorization"] = token
    if server.headers:
        declared["headers"] = {
            name: value.get_secret_value() for name, value in server.headers.items()
        }
    if server.allowed_tools:
        declared["allowed_tools"] = list(server.allowed_tools)
    return declared
