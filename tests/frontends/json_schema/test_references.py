"""Where references lead: the official suite's files about them, an external resolver, and cases by hand."""

from __future__ import annotations

import copy
import time
from collections import Counter
from random import Random

import pytest

import stolcke
from stolcke.errors import SchemaError, UnsupportedSchema
from stolcke.frontends.json_schema.dialects import DIALECTS
from stolcke.frontends.json_schema.references import Document
from tests.json_schema.suite import groups, remotes
from tests.reference.json_schema import is_valid
from tests.strategies import EFFORT

DRAFTS = {"draft7": "7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}
COMMON = [
    *("ref", "refRemote", "infinite-loop-detection"),
    *("optional/id", "optional/unknownKeyword", "optional/cross-draft"),
]
NEWER = ["anchor", "defs", "vocabulary", "optional/anchor", "optional/refOfUnknownKeyword"]
FILES = [
    *(("draft7", name) for name in [*COMMON, "definitions"]),
    *(("draft2019-09", name) for name in [*COMMON, *NEWER, "recursiveRef"]),
    *(("draft2020-12", name) for name in [*COMMON, *NEWER, "dynamicRef", "optional/dynamicRef"]),
]


@pytest.mark.parametrize(("draft", "name"), FILES)
def test_official_suite(draft, name):
    wrong = []
    for group in groups(draft, name):
        for test in group["tests"]:
            document = Document(group["schema"], default_dialect=DRAFTS[draft], resources=remotes())
            if is_valid(document.root, test["data"]) != test["valid"]:
                wrong.append(f"{group['description']}: {test['description']}")
    assert wrong == []


# Few URIs and names, so that they often meet.
URIS = ["a.json", "b/", "http://h/a.json", "http://h/b/a.json", "urn:x:1"]
NAMES = ["p", "q"]
POINTERS = ["", "", "/DEFS/x", "/DEFS/a~1b", "/DEFS/m~0n", "/DEFS/%2541", "/allOf/0", "/DEFS/x/not", "/not/allOf/0"]


def random_schema(random: Random, draft: str, budget: int) -> dict:
    """A schema with identifiers, anchors and references."""
    definitions = "definitions" if draft == "7" else "$defs"
    schema = {}
    if random.random() < 0.4:
        schema["$id"] = random.choice(URIS)
    if random.random() < 0.3:
        name = random.choice(NAMES)
        schema |= {"$id": f"#{name}"} if draft == "7" else {"$anchor": name}
    if random.random() < 0.5 and (draft != "7" or budget < 2):
        fragment = random.choice([*(pointer.replace("DEFS", definitions) for pointer in POINTERS), *NAMES])
        schema["$ref"] = f"{random.choice(['', *URIS])}#{fragment}"
    for _ in range(random.randrange(1, 4) if budget else 0):
        below = random_schema(random, draft, random.randrange(budget))
        keyword = random.choice([definitions, definitions, "allOf", "not", "const"])
        if keyword == definitions:
            schema.setdefault(keyword, {})[random.choice(["x", "x", "a/b", "m~n", "%41"])] = below
        elif keyword == "allOf":
            schema.setdefault(keyword, []).append(below)
        else:
            schema[keyword] = below
    return schema


@pytest.mark.parametrize("draft", ["7", "2019-09", "2020-12"])
def test_like_an_external_resolver(draft):
    """``referencing`` finds the same object, or nothing where we find nothing."""
    referencing = pytest.importorskip("referencing")
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import specification_with

    specification = specification_with(DIALECTS[draft].uri + "#" * (draft == "7"))
    found = Counter()

    def compare(node, resolver):
        reference = node.schema.get("$ref")
        # How relative references are resolved against a URN is tested elsewhere.
        if reference is not None and (reference.startswith("#") or not node.base.startswith("urn:")):
            try:
                theirs = resolver.lookup(reference).contents
            except Unresolvable:
                theirs = None
            try:
                ours = node.reference().schema
            except SchemaError as error:
                # Where two places claim one name, they take either.
                if "may lead to" in error.reason:
                    return
                ours = None
            assert ours is theirs, node
            found[ours is None, reference[0] == "#", reference[-1].isalpha()] += 1
        for below in node.subschemas():
            compare(below, resolver.in_subresource(specification.create_resource(below.schema)))

    def bases(node):
        own = [node.base] if node is node.resource.root else []
        return own + [base for below in node.subschemas() for base in bases(below)]

    for seed in range(1000 * EFFORT):
        schema = random_schema(Random(seed), draft, 6)
        root = Document(schema, default_dialect=draft).root
        if len(bases(root)) == len(set(bases(root))):
            registry = referencing.Registry().with_resource("", specification.create_resource(schema))
            compare(root, registry.resolver("").in_subresource(specification.create_resource(schema)))
    # All kinds of references, those that lead somewhere and those that do not.
    assert (len(found) == 8 and min(found.values()) > 10) or EFFORT < 1


def test_one_node_for_each_place():
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$ref": "#"}, "b": {"$id": "b", "items": {"$ref": "/#/$defs/b/items"}}},
        "unknown": {"x": {"properties": {"y": {}}}},
        "allOf": [{"$ref": "#/unknown/x/properties/y"}, {"$ref": "#/unknown/x"}],
    }
    root = Document({"$id": "/", **schema}).root
    assert root.reference() is root.child("$defs", "a")
    assert root.reference().reference() is root
    items = root.child("$defs", "b").child("items")
    assert root.child("$defs", "b", "items") is items is items.reference()
    assert (items.base, root.base) == ("/b", "/")
    below_unknown = root.child("allOf", 1).reference()
    assert root.child("allOf", 0).reference() is below_unknown.child("properties", "y")


def test_an_identifier_is_one_only_where_a_schema_may_be():
    named = {"properties": {"$id": {"type": "string"}, "id": {"$anchor": "a"}}, "enum": [{"$id": "x", "$anchor": "b"}]}
    root = Document({**named, "$ref": "#b"}).root
    assert {node.base for node in [root, *root.subschemas()]} == {""}
    with pytest.raises(SchemaError, match="no anchor 'b'"):
        root.reference()
    assert Document({**named, "$ref": "#a"}).root.reference().pointer == "#/properties/id"


def test_identifiers_of_a_fragment_alone_leave_the_base():
    schema = {"$id": "http://h/x", "properties": {"a": {"$id": "#/properties/a", "$ref": "#/properties/b"}, "b": {}}}
    for draft in DIALECTS:
        node = Document(schema, default_dialect=draft).root.child("properties", "a")
        assert node.base == ("" if draft == "4" else "http://h/x")
        assert node.reference().pointer == "#/properties/b"


def test_an_embedded_resource_has_its_own_dialect():
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "id": "http://h/old", "items": {"id": "#x"}}
    root = Document({"$defs": {"old": old, "new": {"$id": "new"}}, "$ref": "old#x", "$id": "http://h/"}).root
    assert root.dialect.name == root.child("$defs", "new").dialect.name == "2020-12"
    assert root.child("$defs", "old", "items").dialect.name == root.reference().dialect.name == "4"


def test_given_schemas_are_read_in_the_main_one_s_dialect():
    given = {"http://h/a.json#": {"definitions": {"x": {"$id": "#here"}}}}
    root = Document(
        {"$schema": "http://json-schema.org/draft-07/schema", "$ref": "http://h/a.json#here"}, resources=given
    )
    target = root.root.reference()
    assert (target.dialect.name, target.pointer) == ("7", "http://h/a.json#/definitions/x")


def test_only_the_given_that_is_wanted_is_read():
    given = {
        "http://h/strange": {"$schema": "http://strange/", "$id": "http://h/one"},
        "http://h/file": {"$defs": {"a": {"$id": "http://h/id"}}},
    }
    root = Document({"$ref": "http://h/id", "not": {"$ref": "http://h/strange"}}, resources=given).root
    assert root.reference().pointer == "http://h/file#/$defs/a"
    with pytest.raises(UnsupportedSchema, match=r"'http://strange/'.* \(at http://h/strange#\)"):
        root.child("not").reference()


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": 1}, "$ref must be a string (at #)"),
        ({"$ref": "#/$defs/a"}, "$ref '#/$defs/a' leads nowhere: the schema has no '$defs' at # (at #/$ref)"),
        ({"$ref": "#/a/1", "a": [{}]}, "no '1' at #/a (at #/$ref)"),
        ({"$ref": "#/a/00", "a": [{}]}, "no '00' at #/a (at #/$ref)"),
        ({"$ref": "#/a/-", "a": [{}]}, "no '-' at #/a (at #/$ref)"),
        ({"$ref": "#/a/٠", "a": [{}]}, "no '٠' at #/a (at #/$ref)"),
        ({"$ref": "#/a", "a": 1}, "$ref '#/a' leads nowhere: the schema has no schema, but int, there (at #/$ref)"),
        ({"$ref": "#a"}, "the schema has no anchor 'a' (at #/$ref)"),
        ({"$ref": "b#c", "$id": "http://h/a"}, "$ref 'b#c' leads to 'http://h/b', which is not here"),
        ({"$id": "http://h/a", "$ref": "#x"}, "'http://h/a' has no anchor 'x' (at #/$ref)"),
        ({"$dynamicRef": "#x"}, "$dynamicRef '#x' leads nowhere"),
        (
            {"$ref": "#x", "anyOf": [{"$anchor": "x"}, {"$dynamicAnchor": "x"}]},
            "$ref '#x' may lead to #/anyOf/0 and to #/anyOf/1 (at #/$ref)",
        ),
        (
            {"$ref": "a", "properties": {"x/y": {"$id": "a"}, "z~": {"$id": "a"}}},
            "$ref 'a' may lead to #/properties/x~1y and to #/properties/z~0 (at #/$ref)",
        ),
    ],
)
def test_references_that_lead_nowhere(schema, message):
    root = Document(schema).root
    with pytest.raises(SchemaError) as caught:
        root.reference() or root.dynamic_reference(())
    assert message in str(caught.value)
    assert caught.value.pointer.startswith("#")


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        ({"items": 3}, ["items"], "a schema is an object or a boolean, not int (at #/items)"),
        ({"items": [{}]}, ["items"], "a schema is an object or a boolean, not list (at #/items)"),
        ({"items": [{}]}, ["items", 1], "there is no 1 here (at #/items)"),
        ({"properties": []}, ["properties", "a"], "there is no 'a' here (at #/properties)"),
        ({"not": True}, ["not", "not"], "there is no 'not' here (at #/not)"),
        ({"properties": {"a": {"$schema": "x:", "$id": "y"}}}, ["properties", "a"], "(at #/properties/a)"),
        (
            {"properties": {"a": {"$schema": 1, "$id": "y"}}},
            ["properties", "a"],
            "must be a string (at #/properties/a)",
        ),
    ],
)
def test_places_without_a_schema(schema, path, message):
    root = Document(schema).root
    for _ in range(2):
        with pytest.raises(SchemaError) as caught:
            root.child(*path)
        assert str(caught.value).endswith(message)


@pytest.mark.parametrize("schema", [[], None, 1, "true"])
def test_roots_of_a_wrong_type(schema):
    with pytest.raises(SchemaError, match="an object or a boolean"):
        Document(schema)
    with pytest.raises(SchemaError, match=r"an object or a boolean.*\(at http://h/#\)"):
        Document({"$ref": "http://h/"}, resources={"http://h/": schema}).root.reference()


def test_scopes_are_few():
    """Resources without anchors of the dynamic kind leave no trace, nor does entering one twice."""
    schema = {
        "$id": "http://h/",
        "$defs": {
            "a": {"$id": "a", "$dynamicAnchor": "x", "$ref": "b"},
            "b": {"$id": "b", "$dynamicAnchor": "x", "$defs": {"y": {"$dynamicAnchor": "y"}}, "$ref": "c"},
            "c": {"$id": "c", "$anchor": "x", "$ref": "a"},
        },
    }
    root = Document(schema).root
    a, b, c = (root.child("$defs", name) for name in "abc")
    assert root.scope() == ()
    first = b.scope(a.scope(root.scope()))
    assert first == (a.resource, b.resource)
    assert c.scope(first) is first and a.scope(first) is first and b.scope(first) is first
    assert a.scope(b.scope()) == (b.resource,)
    assert len({first: 1, b.scope(a.scope()): 2}) == 1


def test_the_outermost_anchor_is_meant():
    schema = {
        "$id": "http://h/",
        "$defs": {
            "a": {"$id": "a", "$dynamicAnchor": "x"},
            "b": {"$id": "b", "$dynamicAnchor": "x", "not": {"$dynamicAnchor": "y"}},
            "c": {
                "$id": "c",
                "anyOf": [{"$dynamicAnchor": "x"}, {"$dynamicAnchor": "y"}, {"$dynamicAnchor": "z"}],
                "allOf": [{"$dynamicRef": "#x"}, {"$dynamicRef": "#y"}, {"$dynamicRef": "#z"}],
            },
        },
    }
    root = Document(schema).root
    a, b, c = (root.child("$defs", name) for name in "abc")

    def targets(scope):
        inner = [c.child("allOf", index) for index in range(3)]
        return [node.dynamic_reference(node.scope(scope)).pointer.removeprefix("#/$defs/") for node in inner]

    assert targets(()) == ["c/anyOf/0", "c/anyOf/1", "c/anyOf/2"]
    assert targets(a.scope()) == ["a", "c/anyOf/1", "c/anyOf/2"]
    assert targets(b.scope(a.scope())) == ["a", "b/not", "c/anyOf/2"]
    assert targets(a.scope(b.scope())) == ["b", "b/not", "c/anyOf/2"]


def test_who_keeps_a_claimed_uri():
    """An outermost place its own, the main schema's parts theirs, and schemas given under one theirs."""
    given = {
        "http://h/a": {"$id": "http://h/b", "title": "a"},
        "http://h/b": {"title": "b", "not": {"$id": "http://h/main"}},
        "http://h/part": {"title": "given"},
    }
    main = {
        "$id": "http://h/main",
        "title": "main",
        "not": {"$id": "http://h/main", "anyOf": [{"$id": "part", "title": "part"}]},
    }
    for order in [["main", "part", "a", "b"], ["a", "b", "part", "main"], ["b", "main", "a", "part"]]:
        refs = {"allOf": [{"$ref": f"http://h/{name}"} for name in order]}
        root = Document({**main, **refs}, resources=given).root
        titles = [root.child("allOf", index).reference().schema["title"] for index in range(4)]
        assert titles == order


def test_names_that_are_keywords():
    schema = {"properties": {"properties": {"$id": "a", "properties": {"definitions": {"$id": "b"}}}}, "$ref": "b"}
    assert Document(schema).root.reference().pointer == "#/properties/properties/properties/definitions"
    assert Document(schema).root.child("properties", "properties").base == "a"


def test_two_anchors_of_one_name_are_an_error_for_dynamic_references():
    root = Document({"anyOf": [{"$dynamicAnchor": "x"}, {"$dynamicAnchor": "x"}]}).root
    with pytest.raises(SchemaError, match=r"'x' is also at #/anyOf/1 \(at #/anyOf/0\)"):
        root.scope()


@pytest.mark.parametrize("wrap", [lambda inner: {"not": inner}, lambda inner: {"allOf": [True, inner]}])
def test_deep_schemas(wrap):
    schema = {"$anchor": "here"}
    for _ in range(10_000):
        schema = wrap(schema)
    root = Document({"$id": "x:y", "$ref": "#here", **schema}).root
    target = root.reference()
    assert target.schema == {"$anchor": "here"}
    assert target.pointer.count("/") in (10_000, 20_000)
    assert root.scope() == ()
    assert Document({**root.schema, "$ref": target.pointer}).root.reference().schema is target.schema


def test_a_schema_that_contains_itself_is_an_error():
    schema = {"anyOf": [{}, {}], "$ref": "#here"}
    schema["anyOf"] += [schema, schema]
    begun = time.perf_counter()
    with pytest.raises(SchemaError, match="contains itself"):
        Document(schema).root.reference()
    assert time.perf_counter() - begun < 20


def test_the_schema_is_left_as_it_is():
    schema = {"$id": "x", "$ref": "#a", "$defs": {"a": {"$anchor": "a"}}}
    before = copy.deepcopy(schema)
    Document(schema).root.reference()
    assert schema == before


def test_grammars_do_not_depend_on_addresses():
    """Members of several schemas at once come in one order, wherever these happen to lie in memory."""
    names = [f"n{i}" for i in range(5)]
    schema = {
        "allOf": [{"$ref": f"#/$defs/{name}"} for name in names],
        "$defs": {name: {"properties": {"x": {"properties": {name: {"type": "integer"}}}}} for name in names},
    }
    anew = stolcke.Options(memoise_grammars=False)
    kept, found = [], set()
    for n in range(20):
        kept.append([{} for _ in range(n * 37 % 101)])
        found.add(stolcke.Grammar.from_json_schema(schema, options=anew).rules)
    assert len(found) == 1
