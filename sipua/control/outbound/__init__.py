"""The API of campaigns, and of the list of numbers that are not called."""
