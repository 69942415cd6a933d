"""Whose turn it is: interruptions, and how long each answer took."""
