"""The Gemini side of the local agent, without I/O."""
