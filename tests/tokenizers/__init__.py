"""Tokenizers of every kind: what their ids stand for."""
