"""The queues of an edge, and what their members say of themselves."""
