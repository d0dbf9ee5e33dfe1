"""Guards that come with the library."""

from stolcke.domains.layout import Layout

__all__ = ["Layout"]
