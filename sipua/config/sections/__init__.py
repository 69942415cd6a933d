"""The schema: each section of the configuration, and the whole."""
