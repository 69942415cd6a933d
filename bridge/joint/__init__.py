"""Two legs of a call that hear each other: their RTP audio is relayed, not mixed."""
