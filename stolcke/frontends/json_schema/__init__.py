"""From JSON Schema to :class:`stolcke.Grammar`."""
