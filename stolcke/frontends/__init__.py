"""From texts in other languages to :class:`stolcke.Grammar`, whose constructors are the way in.

Nothing is imported here, so that a grammar of choices need not wait for Lark.
"""
