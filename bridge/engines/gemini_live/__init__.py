"""Gemini Live (BidiGenerateContent) as a sans-IO protocol."""
