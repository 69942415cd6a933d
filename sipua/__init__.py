"""A self-hosted SIP edge for voice AI."""
