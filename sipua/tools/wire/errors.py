"""What goes wrong with tools, by who is told."""

from __future__ import annotations


class ToolError(Exception):
    """Raised by a Python tool: its text goes to the model, to be explained to the caller. What any
    other exception says stays in the log."""


class ToolLoadError(Exception):
    """A tool that cannot be used; says which, and why."""
