"""Asterisk's chan_websocket, in the part of Asterisk: for agents of one's own."""
