"""The process of a command: loop, signals, exit codes, the last handler of exceptions."""
