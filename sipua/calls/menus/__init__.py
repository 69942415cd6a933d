"""Menus: the caller chooses by key, and no engine is needed."""
