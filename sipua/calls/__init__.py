"""One call, from the first message to the record: its opening, transfers, fallbacks, log."""
