"""The local agent behind Asterisk's chan_websocket, and the edge's `asterisk_websocket`."""
