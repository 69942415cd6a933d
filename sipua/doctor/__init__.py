"""What is installed, how much it can carry, and what is wrong with it."""
