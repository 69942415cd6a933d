"""What is shown: built from events alone, without I/O and without a clock."""
