"""Slow, obvious twins of what the package does fast; nothing here imports its machinery."""
