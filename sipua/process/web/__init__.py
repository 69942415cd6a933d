"""Requests to servers of users: the client, and the signature."""
