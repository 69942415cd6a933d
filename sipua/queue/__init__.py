"""Queues of callers: who waits for whom, and whose turn it is. No I/O."""
