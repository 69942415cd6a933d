"""Recordings of calls: the sound of both sides, in step, in one stereo file."""
