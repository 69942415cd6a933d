"""The edge's workers: started, watched, replaced, and told apart."""
