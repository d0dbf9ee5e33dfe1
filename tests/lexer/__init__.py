"""Tests of stolcke.lexer."""
