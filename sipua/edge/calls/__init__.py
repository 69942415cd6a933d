"""The calls of an edge: where each is, what is told to it, and the end of those that are lost."""
