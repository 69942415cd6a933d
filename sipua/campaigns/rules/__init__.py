"""What is decided about contacts and attempts, without a clock and without a disk."""
