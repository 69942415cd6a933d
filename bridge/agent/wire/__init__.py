"""What the agent's two protocols, Realtime and Live, have in common on the websocket."""
