"""What the call sees of a speech engine. Engines implement it; nothing else knows them."""
