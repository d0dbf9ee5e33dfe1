"""The tests; they mirror the package, and tests/reference holds slow, obvious twins."""
