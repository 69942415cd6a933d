"""Who has answered a call that we place, by what is heard of the other side."""
