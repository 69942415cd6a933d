"""The kinds of values that a key may hold, and the texts about a wrong one."""
