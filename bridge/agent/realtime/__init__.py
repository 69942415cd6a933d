"""The Realtime side of the local agent, without I/O."""
