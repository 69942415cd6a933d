"""Scenarios of the local agent: the file's keys, and how it is read."""
