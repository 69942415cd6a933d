"""What is kept of campaigns: SQLite, on the disk before anything is done."""
