"""The source latch: which source of RTP is the caller, and where our audio goes."""
