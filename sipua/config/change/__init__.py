"""What another configuration changes in an edge that runs, and when. No I/O, no clock."""
