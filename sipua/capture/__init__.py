"""Calls as pcap files for Wireshark: RTP and SIP, without secrets."""
