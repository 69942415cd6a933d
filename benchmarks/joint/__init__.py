"""What a joint of two legs costs, and how much later a packet leaves for it."""
