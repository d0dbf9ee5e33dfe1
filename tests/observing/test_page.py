"""The page of a trace is one safe file: whatever tokens are, the browser reads them as data."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import stolcke
from stolcke.observing import Trace, read_trace, write_page
from stolcke.observing.page import page

HOSTILE = [
    b"</script>",
    b"<!--",
    b"-->",
    b"<script>alert(1)</script>",
    b"]]>",
    b"&lt;&amp;",
    b"<img src=x onerror=alert(1)>",
    "\u2028\u2029\u202e\ufeff".encode(),
    b"{{script}}{{data}}",
    b"\\u003c\\",
    b"'\"`${x}",
    b"\x00\x01\x7f\r\n\t",
    b"\xc3",
    b"\xff\xfe",
    "🙂é".encode(),
    b"",
    b"<end>",
]


class Elements(HTMLParser):
    """Every element with its attributes, and the text inside each script, style, title and heading."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.comments = 0

    def handle_starttag(self, tag, attributes) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "br", "input"):
            self.open.append((tag, dict(attributes)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data) -> None:
        if self.open:
            self.texts.append((*self.open[-1], data))

    def handle_comment(self, data) -> None:
        self.comments += 1


def parsed(text: str) -> Elements:
    parser = Elements()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def data_of(parser: Elements) -> dict:
    texts = [text for tag, attributes, text in parser.texts if tag == "script" and attributes.get("id") == "data"]
    return json.loads("".join(texts))


@pytest.fixture
def hostile(tmp_path):
    """A trace of a generation in which every hostile token is chosen, refused, and among the likeliest."""
    vocabulary = stolcke.Vocabulary(HOSTILE, eos_token_ids=[len(HOSTILE) - 1])
    grammar = stolcke.Grammar.from_lark("start: /[^z]+/s")
    matcher = stolcke.compile(grammar, vocabulary).matcher()
    path = tmp_path / "</title><script>.jsonl".replace("/", "∕")
    with Trace(path, top=20, about={"<b>": "</script><script>alert(2)</script>", "list": ["<i>", 1, None]}) as trace:
        for token in range(len(HOSTILE)):
            trace.step(matcher, token, logits=np.linspace(0, 1, len(HOSTILE), dtype=np.float32))
    return path


def test_tokens_are_data_and_nothing_else(tmp_path, hostile) -> None:
    target = tmp_path / "page.html"
    title = "</title><script>alert(3)</script>{{data}}"
    recording = write_page(hostile, target, title)
    parser = parsed(target.read_text(encoding="utf-8"))
    scripts = [attributes for tag, attributes in parser.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}] and parser.comments == 0
    assert not [tag for tag, _ in parser.elements if tag in ("img", "link", "iframe", "b", "i", "object")]
    assert [text for tag, _, text in parser.texts if tag in ("title", "h1")] == [title, title]
    found = data_of(parser)
    assert found["about"] == recording.about == read_trace(hostile).about
    assert [{**step, "kept": None} for step in found["steps"]] == [{**line, "kept": None} for line in recording.lines]
    assert [step["kept"] for step in found["steps"]] == [line["accepted"] for line in recording.lines]
    assert {step["text"] for step in found["steps"]} >= {"</script>", "<!--", "{{script}}{{data}}", "\\xc3", "🙂é"}
    assert len(found["steps"][0]["top"]) == len(HOSTILE)


def test_a_page_needs_nothing_else(hostile) -> None:
    text = page(read_trace(hostile), "a title")
    parser = parsed(text)
    for tag, attributes in parser.elements:
        assert not {"src", "href", "srcset", "action", "style"} & attributes.keys(), tag
        assert not [name for name in attributes if name.startswith("on")]
    policy = [attributes["content"] for tag, attributes in parser.elements if attributes.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"]
    style = "".join(text for tag, _, text in parser.texts if tag == "style")
    script = "".join(text for tag, attributes, text in parser.texts if tag == "script" and not attributes)
    assert not re.search(r"url\(|@import", style) and "prefers-color-scheme: dark" in style
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|import\(", script)
    assert [attributes["lang"] for tag, attributes in parser.elements if tag == "html"] == ["en"]


def test_every_control_has_a_name() -> None:
    parser = parsed(page(stolcke.observing.Recording({}, [], True, ""), "empty"))
    ids = [attributes["id"] for _, attributes in parser.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    script = "".join(text for tag, attributes, text in parser.texts if tag == "script" and not attributes)
    for name in re.findall(r'byId\("([\w-]+)"\)', script):
        assert name in ids
    for _, attributes in parser.elements:
        assert attributes.get("aria-labelledby", ids[0]) in ids
    labelled = [attributes for tag, attributes in parser.elements if attributes.get("role") == "listbox"]
    assert labelled and all(each.get("aria-label") for each in labelled)


def test_names_that_are_no_text_and_values_too_deep(tmp_path) -> None:
    assert "<title>a?b</title>" in page(stolcke.observing.Recording({}, [], True, ""), "a\udcffb")
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(stolcke.FileFormatError, match="nested too deeply"):
        page(stolcke.observing.Recording({"deep": deep}, [], True, ""), "deep")


def test_what_was_broken_off_or_taken_back_is_in_the_data(tmp_path) -> None:
    path = tmp_path / "run.jsonl"
    matcher = stolcke.compile(stolcke.Grammar.from_choices(["ab", "ac"]), stolcke.Vocabulary.from_bytes()).matcher()
    with Trace(path) as trace:
        trace.step(matcher, ord("a"))
        trace.step(matcher, ord("b"))
        matcher.rollback(1)
        trace.step(matcher, ord("x"))
        trace.step(matcher, ord("c"))
        trace.close("KeyboardInterrupt: ")
    write_page(path, tmp_path / "run.html")
    parser = parsed((tmp_path / "run.html").read_text(encoding="utf-8"))
    found = data_of(parser)
    assert (found["isWhole"], found["error"]) == (True, "KeyboardInterrupt: ")
    assert [(step["text"], step["kept"]) for step in found["steps"]] == [
        ("a", True),
        ("b", False),
        ("x", False),
        ("c", True),
    ]
    assert ("title", {}, "run") in parser.texts
