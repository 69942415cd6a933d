"""STIR/SHAKEN: who vouches for the number of a caller, and that we vouch for ours."""
