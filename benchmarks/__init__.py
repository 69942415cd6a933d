"""`sipua bench`: recorded calls and many calls, through the real stack, measured."""
