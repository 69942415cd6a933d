"""What can be asked of calls, and ordered: each file is a resource of the API."""
