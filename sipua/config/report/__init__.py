"""The configuration for people: as it is in force, and as documentation."""
