"""Benchmarks of stolcke, one file per area; times are ``time_*``, deterministic counts ``track_*``."""
