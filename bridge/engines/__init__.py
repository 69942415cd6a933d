"""Speech engines: one websocket protocol each."""
