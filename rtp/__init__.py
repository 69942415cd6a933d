"""RTP: packets in, events and packets out. Imports no other package of the project."""
