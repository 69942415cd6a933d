"""One call's audio path, put together."""
