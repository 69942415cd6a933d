"""Call records: one row a call, kept in files, and from there in databases."""
