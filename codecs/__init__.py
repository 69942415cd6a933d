"""Signal processing on numpy buffers: no I/O, no clock, imports no other package of the project."""
