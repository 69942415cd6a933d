"""From a file and the environment to a `Config`."""
