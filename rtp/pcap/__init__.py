"""Capture files (pcap, pcapng): written for Wireshark, read for the benchmarks."""
