"""Which source of RTP is believed to be the caller, and so where our audio goes."""
