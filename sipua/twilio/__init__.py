"""Twilio, from the other side: documents that agents answer with, and requests that they make."""
