"""RTCP: the packets, and the reports of one session."""
