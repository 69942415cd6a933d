"""What a call's dialogs agree on, and how one takes the place of another."""
