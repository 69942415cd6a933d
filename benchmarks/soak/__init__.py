"""`sipua bench soak`: many calls one after the other, and what is left of them."""
