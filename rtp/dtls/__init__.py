"""DTLS-SRTP (RFC 5763, RFC 5764): the keys of SRTP from a handshake on the RTP port."""
