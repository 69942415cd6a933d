"""What each command's process has: loop, signals, exit codes, the last net for exceptions."""
