"""Proof that the engine equals its slow twins."""
