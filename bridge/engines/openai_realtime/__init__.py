"""OpenAI Realtime as a sans-IO protocol."""
