"""The commands, one file each. Their code is imported only when they run."""
