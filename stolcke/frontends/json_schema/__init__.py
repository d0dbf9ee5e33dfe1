"""JSON Schemas, read into grammars."""
