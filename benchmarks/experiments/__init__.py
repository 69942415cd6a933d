"""Stand-alone scripts that measured one thing once; not installed."""
