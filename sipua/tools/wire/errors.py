"""The errors of tools, by their reader."""

from __future__ import annotations


class ToolError(Exception):
    """Raised by a Python tool: its text goes to the model, to be explained to the caller. The text
    of any other exception stays in the log.
    """


class ToolLoadError(Exception):
    """A tool that cannot be used; the text says which, and why."""
