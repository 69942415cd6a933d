"""Which address of ours a peer is told: configured, by network, or found by STUN."""
