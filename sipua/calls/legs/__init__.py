"""A second leg of a call: placed in mid-call, and joined to it."""
