"""The kinds of values that a key may hold, and what is said of a wrong one."""
