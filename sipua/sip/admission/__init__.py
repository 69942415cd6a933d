"""What is decided about a request before anything is spent on it."""
