"""Agents that take turns by themselves, and answer what they hear: what their sessions share."""
