"""HTTP: connections, tokens, limits, errors, and the table of what can be asked."""
