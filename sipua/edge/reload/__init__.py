"""Another configuration for an edge that runs: read, checked, tried, and then used."""
