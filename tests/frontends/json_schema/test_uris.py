"""Resolution of URI references: the examples of RFC 3986, and the schemes that the standard library leaves out."""

from __future__ import annotations

from urllib.parse import urljoin

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stolcke.frontends.json_schema.uris import resolve

BASE = "http://a/b/c/d;p?q"

# Sections 5.4.1 and 5.4.2.
EXAMPLES = {
    "g:h": "g:h",
    "g": "http://a/b/c/g",
    "./g": "http://a/b/c/g",
    "g/": "http://a/b/c/g/",
    "/g": "http://a/g",
    "//g": "http://g",
    "?y": "http://a/b/c/d;p?y",
    "g?y": "http://a/b/c/g?y",
    "#s": "http://a/b/c/d;p?q#s",
    "g#s": "http://a/b/c/g#s",
    "g?y#s": "http://a/b/c/g?y#s",
    ";x": "http://a/b/c/;x",
    "g;x": "http://a/b/c/g;x",
    "g;x?y#s": "http://a/b/c/g;x?y#s",
    "": "http://a/b/c/d;p?q",
    ".": "http://a/b/c/",
    "./": "http://a/b/c/",
    "..": "http://a/b/",
    "../": "http://a/b/",
    "../g": "http://a/b/g",
    "../..": "http://a/",
    "../../": "http://a/",
    "../../g": "http://a/g",
    "../../../g": "http://a/g",
    "../../../../g": "http://a/g",
    "/./g": "http://a/g",
    "/../g": "http://a/g",
    "g.": "http://a/b/c/g.",
    ".g": "http://a/b/c/.g",
    "g..": "http://a/b/c/g..",
    "..g": "http://a/b/c/..g",
    "./../g": "http://a/b/g",
    "./g/.": "http://a/b/c/g/",
    "g/./h": "http://a/b/c/g/h",
    "g/../h": "http://a/b/c/h",
    "g;x=1/./y": "http://a/b/c/g;x=1/y",
    "g;x=1/../y": "http://a/b/c/y",
    "g?y/./x": "http://a/b/c/g?y/./x",
    "g?y/../x": "http://a/b/c/g?y/../x",
    "g#s/./x": "http://a/b/c/g#s/./x",
    "g#s/../x": "http://a/b/c/g#s/../x",
    "http:g": "http:g",
}


@pytest.mark.parametrize(("reference", "target"), EXAMPLES.items())
def test_examples_of_the_rfc(reference, target):
    assert resolve(BASE, reference) == target


@pytest.mark.parametrize(
    ("base", "reference", "target"),
    [
        ("urn:example:one", "#/a", "urn:example:one#/a"),
        ("urn:example:one?+r?=q", "#a", "urn:example:one?+r?=q#a"),
        ("urn:example:one", "urn:example:two", "urn:example:two"),
        ("tag:a.org,2020:b/c", "d", "tag:a.org,2020:b/d"),
        ("tag:a.org,2020:b", "", "tag:a.org,2020:b"),
        ("http://a", "b", "http://a/b"),
        ("file:///a/b.json", "c.json", "file:///a/c.json"),
        ("", "a.json", "a.json"),
        ("a/b.json", "c.json", "a/c.json"),
        ("a/b.json", "../c.json", "c.json"),
        ("/a", "b", "/b"),
    ],
)
def test_any_scheme_and_none(base, reference, target):
    assert resolve(base, reference) == target


@given(st.text("abc./?", max_size=12), st.text("abc./?", max_size=12))
def test_like_the_standard_library_where_that_knows_the_scheme(path, reference):
    """Both follow the RFC; empty segments, and what an empty query leaves, are where ``urljoin`` does not."""
    assume("//" not in path + reference and not reference.endswith("?") and not path.endswith("?"))
    base = "http://host/" + path.lstrip("/")
    assert resolve(base, reference) == urljoin(base, reference)
