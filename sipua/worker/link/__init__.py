"""The link between the edge and a worker: its messages, their coding, its socket."""
