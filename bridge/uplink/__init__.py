"""From the caller to the engine."""
