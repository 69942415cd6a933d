"""Calls to many numbers: whom, when, how often, and whom never. docs/outbound.md."""
