"""One session with an engine: its websocket, its deadline, its end."""
