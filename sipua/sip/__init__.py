"""Signalling: the only code that knows pjsua2."""
