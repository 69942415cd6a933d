"""The configuration as text: the effective values, and the documentation."""
