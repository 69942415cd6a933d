"""The decisions about a request before anything is spent on it."""
