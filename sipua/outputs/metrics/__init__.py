"""Numbers of an edge for Prometheus: counted from events, given on a port of their own."""
