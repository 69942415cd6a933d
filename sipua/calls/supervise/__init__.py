"""People on a call: a supervisor who listens, whispers, barges in or takes over."""
