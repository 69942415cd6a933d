"""Signal processing on numpy buffers: no I/O, no clock, imports nothing of ours."""
