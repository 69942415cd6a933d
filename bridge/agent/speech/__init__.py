"""The local agent's speech, in and out: formats, buffers, recogniser, voices."""
