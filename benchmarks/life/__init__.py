"""`sipua bench life`: hours of calls of all kinds, with faults and strangers, and what is left."""
