"""A caller in a queue: what is heard meanwhile, and how the way goes on."""
