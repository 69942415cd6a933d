"""RTP: packets in, events and packets out. Imports nothing of ours."""
