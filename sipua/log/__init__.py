"""Logging: one line for each event, without secrets."""
