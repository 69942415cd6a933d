"""From packets as they come to a stream in order: jitter, loss, drift, statistics."""
