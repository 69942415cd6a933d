"""Deepgram's Voice Agent: its own recognition and voices around a language model of choice."""
