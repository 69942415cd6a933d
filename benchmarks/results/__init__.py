"""What was measured, as data, and whether it is good."""
