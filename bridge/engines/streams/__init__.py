"""What the protocols of agents have in common whose speech is a stream without marks."""
