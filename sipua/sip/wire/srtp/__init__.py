"""How offer and answer agree on SRTP: by keys in the SDP, or on a handshake. No I/O."""
