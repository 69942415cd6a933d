"""`sipua bench capture`: a recorded call through the real stack."""
