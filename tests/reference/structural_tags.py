"""Structural tags as a program reads them: from left to right, looking for triggers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Tag", "Tags"]


@dataclass(frozen=True)
class Tag:
    """A tag; its content is one of some texts, or anything up to where the first end ends."""

    begin: str
    content: tuple[str, ...] | None
    end: str

    def ends(self, text: str, at: int) -> Iterator[int]:
        """Where the tag may end, if it begins at a place."""
        if not text.startswith(self.begin, at):
            return
        at += len(self.begin)
        if self.content is None:
            found = text.find(self.end, at)
            if found >= 0:
                yield found + len(self.end)
            return
        for word in self.content:
            if text.startswith(word + self.end, at):
                yield at + len(word + self.end)


@dataclass(frozen=True)
class Tags:
    """Free text with tags; ``outer``, if any, is what the whole ends with."""

    triggers: tuple[str, ...]
    tags: tuple[Tag, ...]
    excludes: tuple[str, ...] = ()
    at_least_one: bool = False
    stop_after_first: bool = False
    outer: str | None = None

    def accepts(self, text: str, at: int = 0, is_first: bool = True) -> bool:
        if not (is_first and self.at_least_one):
            stops = [*self.triggers] if self.outer is None else [*self.triggers, self.outer]
            fired = [(text.find(stop, at) + len(stop), stop) for stop in stops if text.find(stop, at) >= 0]
            if not fired:
                return self.outer is None and not self._excluded(text[at:])
            end, stop = min(fired)
            if self._excluded(text[at:end]):
                return False
            if stop == self.outer:
                return end == len(text)
            at = end - len(stop)
        ends = {end for tag in self.tags for end in tag.ends(text, at)}
        if self.stop_after_first:
            return any(text[end:] == (self.outer or "") for end in ends)
        return any(self.accepts(text, end, False) for end in ends)

    def _excluded(self, free: str) -> bool:
        # To exclude what the whole ends with is to say once more that free text ends there.
        return any(each in free for each in self.excludes if each != self.outer)

    def request(self) -> dict:
        """The structural tag that says so."""
        tags = [
            {
                "type": "tag",
                "begin": tag.begin,
                "content": {"type": "any_text"}
                if tag.content is None
                else {"type": "or", "elements": [{"type": "const_string", "value": word} for word in tag.content]},
                "end": tag.end,
            }
            for tag in self.tags
        ]
        inner: dict = {
            "type": "triggered_tags",
            "triggers": list(self.triggers),
            "tags": tags,
            "excludes": list(self.excludes),
            "at_least_one": self.at_least_one,
            "stop_after_first": self.stop_after_first,
        }
        if self.outer is not None:
            inner = {"type": "tag", "begin": "", "content": inner, "end": self.outer}
        return {"type": "structural_tag", "format": inner}
