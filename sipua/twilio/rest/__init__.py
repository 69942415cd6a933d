"""Twilio's REST: what is asked for, and how calls are shown."""
