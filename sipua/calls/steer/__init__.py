"""What can be done to a running call from outside: the commands, and their execution."""
