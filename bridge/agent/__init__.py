"""The local agent: a Realtime-compatible websocket server for demos and tests."""
