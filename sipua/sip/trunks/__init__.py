"""The servers of trunks: in which order calls try them, and which are left out."""
