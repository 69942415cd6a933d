"""pjsua2: the one thread that calls it, and everything that runs there."""
