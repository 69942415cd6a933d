"""`sipua bench load`: many calls at once."""
