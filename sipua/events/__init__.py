"""What happens, told once: typed events that log, records, interface and metrics read."""
