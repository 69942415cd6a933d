"""Webhooks: events sent to servers, kept on disk until each has been taken."""
