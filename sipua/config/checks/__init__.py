"""Checks of several keys: contradictions between keys, or with this machine."""
