"""Deepgram's Voice Agent, in the part of the vendor."""
