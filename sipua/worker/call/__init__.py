"""What a worker puts together for one call: its agents, their engines, documents that lead it."""
