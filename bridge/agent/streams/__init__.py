"""What the local agent's conversations over audio and marks share, whatever their protocol."""
