"""What the vendor's two protocols, Realtime and Live, have in common."""
