"""Accepting tokens and bytes, on states that have been met before and on new ones."""

from __future__ import annotations

from . import material


class Met:
    """A text whose states are there already."""

    params = material.GRAMMARS
    param_names = ("grammar",)

    def setup(self, name: str) -> None:
        """Run the text once."""
        self.ids = max(material.token_texts(name), key=len)
        self.text = max(material.TEXTS[name], key=len).encode()
        self.matcher = material.compiled(name).matcher()
        self.matcher.accept_tokens(self.ids)

    def time_accept(self, name: str) -> None:
        self.matcher.reset()
        for token in self.ids:
            self.matcher.accept(token)

    def time_accept_bytes(self, name: str) -> None:
        self.matcher.reset()
        self.matcher.accept_bytes(self.text)

    def time_allows(self, name: str) -> None:
        self.matcher.reset()
        for token in self.ids:
            self.matcher.allows(token)


class New:
    """A text whose states have to be made."""

    params = material.GRAMMARS
    param_names = ("grammar",)
    number = 1
    warmup_time = 0.0

    def setup(self, name: str) -> None:
        """Compile anew, which asv asks for before every sample."""
        self.text = max(material.TEXTS[name], key=len).encode()
        self.matcher = material.compiled(name).matcher()

    def time_accept_bytes(self, name: str) -> None:
        self.matcher.accept_bytes(self.text)
