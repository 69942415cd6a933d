"""Where the engines of calls are, and with which key."""
