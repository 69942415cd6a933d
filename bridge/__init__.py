"""One call's audio path, and the engines it can end in."""
