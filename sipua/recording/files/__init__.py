"""The files of recordings that are over: finished, found, kept for a time."""
