"""The Live side of the local agent, without I/O."""
