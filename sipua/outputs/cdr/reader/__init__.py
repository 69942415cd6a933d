"""Call records for people: found, shown, and what was wrong with a call."""
