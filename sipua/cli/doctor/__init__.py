"""`sipua doctor`, as far as it reads a configuration."""
