"""The local agent: a Realtime-compatible server for demos and tests."""
