"""SRTP (RFC 3711): packets that nobody else can read or forge."""
