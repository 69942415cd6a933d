"""What callers say after a beep (`<Record>`): heard, kept, found again, deleted when it is old."""
