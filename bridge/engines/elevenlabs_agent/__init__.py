"""ElevenLabs Agents, by their own websocket: agents that are configured at the vendor."""
