"""The control plane: the HTTP API, on a thread of its own, and the state that it shows."""
