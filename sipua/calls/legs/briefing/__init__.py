"""What a target hears and says before it has the caller."""
