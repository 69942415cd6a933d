"""`sipua call`: a telephone for tests."""
