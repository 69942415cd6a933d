"""From the engine to the caller: what is queued, and when each frame leaves."""
