"""Agents that speak Twilio's Media Streams: they take our calls as they take Twilio's."""
