"""Before a call of ours is placed: whom it calls, what it shows, and whether a rule forbids it."""
