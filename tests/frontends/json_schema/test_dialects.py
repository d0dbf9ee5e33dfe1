"""The drafts: how ``$schema`` finds them, what each has, and their metaschemas, against ``jsonschema``."""

from __future__ import annotations

import copy
from random import Random

import pytest

from stolcke.errors import UnsupportedSchema
from stolcke.frontends.json_schema.dialects import DIALECTS, dialect_of, metaschema
from stolcke.frontends.json_schema.references import Document
from tests.reference.json_schema import is_valid

VALIDATORS = {
    "4": "Draft4Validator",
    "6": "Draft6Validator",
    "7": "Draft7Validator",
    "2019-09": "Draft201909Validator",
    "2020-12": "Draft202012Validator",
}


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("http://json-schema.org/draft-04/schema#", "4"),
        ("http://json-schema.org/draft-04/schema", "4"),
        ("https://json-schema.org/draft-06/schema", "6"),
        ("http://json-schema.org/draft-07/schema#", "7"),
        ("https://json-schema.org/draft/2019-09/schema", "2019-09"),
        ("http://json-schema.org/draft/2020-12/schema#", "2020-12"),
        ("http://json-schema.org/schema#", "2020-12"),
    ],
)
def test_names_of_drafts(uri, name):
    assert dialect_of(uri) is DIALECTS[name]
    assert Document({"$schema": uri}, default_dialect="7").root.dialect is DIALECTS[name]


@pytest.mark.parametrize("uri", ["http://json-schema.org/draft-03/schema#", "http://a/", "", "ftp://json-schema.org/"])
def test_unknown_dialects_are_refused(uri):
    assert dialect_of(uri) is None
    with pytest.raises(UnsupportedSchema, match=r"there are the drafts 4, 6, 7, 2019-09, 2020-12"):
        Document({"$schema": uri})


@pytest.mark.parametrize("name", DIALECTS)
def test_all_keywords_of_the_metaschema_are_known(name):
    """The properties of the metaschemas; ``$schema`` and the like are among them."""
    published, pending = set(), [metaschema(DIALECTS[name].uri)]
    while pending:
        schema = pending.pop()
        published |= schema["properties"].keys()
        base = DIALECTS[name].uri.rpartition("/")[0]
        pending += [metaschema(f"{base}/{below['$ref']}") for below in schema.get("allOf", ())]
    # The former names of keywords that references may still use stay where the metaschema has them.
    assert DIALECTS[name].keywords - {"$ref", "format", "examples", "$comment", "readOnly", "writeOnly"} <= published
    assert published <= DIALECTS[name].keywords | {"$recursiveAnchor", "$recursiveRef"}


@pytest.mark.parametrize("name", DIALECTS)
def test_metaschemas_judge_as_an_external_validator_does(name):
    """The metaschema itself, and copies of it with a value exchanged, checked through our references."""
    jsonschema = pytest.importorskip("jsonschema")
    theirs = getattr(jsonschema, VALIDATORS[name])
    uri = DIALECTS[name].uri
    ours = Document({"$schema": uri, "$ref": uri}).root
    theirs = theirs(theirs.META_SCHEMA)
    random = Random(0)
    verdicts = []
    for _ in range(150):
        schema = copy.deepcopy(random.choice([theirs.schema, {"items": [theirs.schema]}, {"not": theirs.schema}]))
        for _ in range(random.randrange(3)):
            place = schema
            while True:
                key = random.choice([*place] if isinstance(place, dict) else range(len(place)))
                if not isinstance(place[key], (dict, list)) or not place[key] or random.random() < 0.3:
                    break
                place = place[key]
            place[key] = random.choice([{}, [], [{}], True, 0, -1, "string", ["a", "a"], {"minLength": -1}])
        verdicts.append(theirs.is_valid(schema))
        assert is_valid(ours, schema) == verdicts[-1], schema
    assert 20 < sum(verdicts) < 130


def test_metaschemas_of_the_callers():
    base = "https://json-schema.org/draft/2020-12"
    given = {
        "http://h/plain": {"$schema": f"{base}/schema"},
        "http://h/twice": {"$schema": "http://h/plain#"},
        "http://h/loop": {"$schema": "http://h/loop"},
        "http://h/formats": {
            "$schema": f"{base}/schema",
            "$vocabulary": {f"{base}/vocab/core": True, f"{base}/vocab/format-assertion": True, "http://h/mine": False},
        },
        "http://h/foreign": {"$schema": f"{base}/schema", "$vocabulary": {"http://h/mine": True}},
        "http://h/old": {"$schema": DIALECTS["7"].uri, "$vocabulary": {"http://h/mine": True}},
    }

    def dialect(uri):
        return Document({"$schema": uri}, resources=given).root.dialect

    assert dialect("http://h/twice").keywords == DIALECTS["2020-12"].keywords
    assert dialect("http://h/old").keywords == DIALECTS["7"].keywords
    formats = dialect("http://h/formats")
    assert formats.format_asserts and not dialect("http://h/plain").format_asserts
    assert "format" in formats.keywords and "properties" not in formats.keywords | formats.maps
    with pytest.raises(UnsupportedSchema, match="requires the unknown vocabulary 'http://h/mine'"):
        dialect("http://h/foreign")
    with pytest.raises(UnsupportedSchema, match="'http://h/loop', of which nothing is known"):
        dialect("http://h/loop")


def test_no_other_published_schema_is_known():
    assert metaschema("https://json-schema.org/draft/2020-12/meta/core")["$dynamicAnchor"] == "meta"
    assert metaschema("https://json-schema.org/draft/2020-12/meta/nothing") is None
    assert metaschema("http://json-schema.org/draft-07/") is None
    assert metaschema("urn:a") is None
