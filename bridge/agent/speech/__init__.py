"""What the local agent hears and says: formats, buffers, recogniser, voices."""
