"""OpenAI Live as a sans-IO protocol."""
