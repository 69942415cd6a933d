"""`sipua cdr` and `sipua record`: calls that are over."""
