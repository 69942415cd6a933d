"""What becomes of a call that we place when it is answered: by a person, or by a machine."""
