"""The record of a conversation: what was said, when, how long answers took, what it cost."""
