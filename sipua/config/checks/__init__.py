"""What no single key can tell: contradictions between keys, or with this machine."""
