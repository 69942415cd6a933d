"""Who has changed what: a file in which each line holds the hash of the one before."""
