"""One call's RTP session, without I/O, and its sockets."""
