"""`sipua bench answering`: who answered, on a corpus that is made for it."""
