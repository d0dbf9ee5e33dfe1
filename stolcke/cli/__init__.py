"""The command ``stolcke-compile``: check a grammar or a JSON Schema, compile it, try texts against it."""

from stolcke.cli.command import main

__all__ = ["main"]
