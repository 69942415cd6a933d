"""The edge: its parts put together, its start and its end."""
