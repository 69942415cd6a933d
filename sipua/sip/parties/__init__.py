"""Who calls whom: what headers say of it, numbers in one form, and what we say of ourselves."""
