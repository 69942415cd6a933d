"""`sipua config`: a configuration checked, shown and explained."""
