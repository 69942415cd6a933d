"""Other names and shapes for what the Realtime side of the local agent hears and says."""
