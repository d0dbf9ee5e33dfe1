"""The drafts of JSON Schema: which keywords each of them has, and where subschemas are."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["DIALECTS", "Dialect", "dialect_of", "metaschema", "with_vocabularies"]


def words(text: str) -> frozenset[str]:
    """The set of the words of a text."""
    return frozenset(text.split())


# Keywords whose value is a schema or a list of schemas.
SCHEMAS = words(
    "additionalItems additionalProperties allOf anyOf contains contentSchema else if items not oneOf prefixItems "
    "propertyNames then unevaluatedItems unevaluatedProperties"
)
# Keywords whose value is an object with a schema for each name.
MAPS = words("$defs definitions dependencies dependentSchemas patternProperties properties")


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One draft of JSON Schema, or a variant of one that a metaschema of the caller's declares.

    Two dialects are equal only if they are the same object.
    """

    name: str
    """``"4"``, ``"6"``, ``"7"``, ``"2019-09"``, ``"2020-12"``; for a variant, the URI of its metaschema."""
    uri: str
    """URI of the metaschema, without a fragment."""
    keywords: frozenset[str]
    """All keywords that mean something, annotations included.

    ``definitions`` and ``dependencies`` are kept in the drafts that renamed
    them, as their metaschemas do.
    """
    ref_overrides: bool = False
    """Whether all that stands beside ``$ref`` is ignored: drafts 4, 6 and 7."""
    array_items: bool = False
    """Whether ``items`` may be a list, with ``additionalItems`` for the rest: up to 2019-09."""
    boolean_exclusive: bool = False
    """Whether ``exclusiveMinimum`` and ``exclusiveMaximum`` are booleans beside the bounds: draft 4."""
    integer_by_value: bool = True
    """Whether ``1.0`` is an integer; draft 4 looks at how a number is written."""
    contains_evaluates: bool = False
    """Whether ``contains`` counts for ``unevaluatedItems``: 2020-12."""
    format_asserts: bool = False
    """Whether the metaschema obliges ``format`` to be an assertion; no draft does so by default."""
    id_keyword: str = "$id"
    """The keyword that names a resource: ``id`` in draft 4."""
    definitions_keyword: str = "$defs"
    """The keyword that holds schemas for references."""
    dynamic_keyword: str | None = None
    """``"$dynamicRef"``, ``"$recursiveRef"`` or none."""
    schemas: frozenset[str] = field(init=False)
    """The keywords whose value is a schema or a list of schemas."""
    maps: frozenset[str] = field(init=False)
    """The keywords whose value is an object with a schema for each name."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "schemas", SCHEMAS & self.keywords)
        object.__setattr__(self, "maps", MAPS & self.keywords)

    def __repr__(self) -> str:
        return f"Dialect({self.name!r})"


DRAFT_4 = words(
    "$ref $schema additionalItems additionalProperties allOf anyOf default definitions dependencies description enum "
    "exclusiveMaximum exclusiveMinimum format id items maxItems maxLength maxProperties maximum minItems minLength "
    "minProperties minimum multipleOf not oneOf pattern patternProperties properties required title type "
    "uniqueItems"
)
DRAFT_6 = DRAFT_4 - {"id"} | {"$id", "const", "contains", "examples", "propertyNames"}
DRAFT_7 = DRAFT_6 | words("$comment contentEncoding contentMediaType else if readOnly then writeOnly")

# What the vocabularies of the two newest drafts have in common; a vocabulary is
# named by the last part of its URI.
SHARED_VOCABULARIES = {
    "core": words("$anchor $comment $defs $id $ref $schema $vocabulary definitions"),
    "applicator": words(
        "additionalProperties allOf anyOf contains dependencies dependentSchemas else if items not oneOf "
        "patternProperties properties propertyNames then"
    ),
    "validation": words(
        "const dependentRequired enum exclusiveMaximum exclusiveMinimum maxContains maxItems maxLength maxProperties "
        "maximum minContains minItems minLength minProperties minimum multipleOf pattern required type "
        "uniqueItems"
    ),
    "meta-data": words("default deprecated description examples readOnly title writeOnly"),
    "content": words("contentEncoding contentMediaType contentSchema"),
}
FORMAT = words("format")
VOCABULARIES = {
    f"https://json-schema.org/draft/{draft}/vocab/{name}": keywords
    for draft, vocabularies in {
        "2019-09": {
            **SHARED_VOCABULARIES,
            "core": SHARED_VOCABULARIES["core"] | {"$recursiveAnchor", "$recursiveRef"},
            "applicator": SHARED_VOCABULARIES["applicator"]
            | {"additionalItems", "unevaluatedItems", "unevaluatedProperties"},
            "format": FORMAT,
        },
        "2020-12": {
            **SHARED_VOCABULARIES,
            "core": SHARED_VOCABULARIES["core"] | {"$dynamicAnchor", "$dynamicRef"},
            "applicator": SHARED_VOCABULARIES["applicator"] | {"prefixItems"},
            "unevaluated": words("unevaluatedItems unevaluatedProperties"),
            "format-annotation": FORMAT,
            "format-assertion": FORMAT,
        },
    }.items()
    for name, keywords in vocabularies.items()
}


def all_keywords(draft: str) -> frozenset[str]:
    """The keywords of all vocabularies of a draft."""
    return frozenset().union(*(keywords for uri, keywords in VOCABULARIES.items() if f"/{draft}/" in uri))


DIALECTS = {
    dialect.name: dialect
    for dialect in [
        Dialect(
            "4",
            "http://json-schema.org/draft-04/schema",
            DRAFT_4,
            ref_overrides=True,
            array_items=True,
            boolean_exclusive=True,
            integer_by_value=False,
            id_keyword="id",
            definitions_keyword="definitions",
        ),
        *(
            Dialect(
                name,
                f"http://json-schema.org/draft-0{name}/schema",
                keywords,
                ref_overrides=True,
                array_items=True,
                definitions_keyword="definitions",
            )
            for name, keywords in [("6", DRAFT_6), ("7", DRAFT_7)]
        ),
        Dialect(
            "2019-09",
            "https://json-schema.org/draft/2019-09/schema",
            all_keywords("2019-09"),
            array_items=True,
            dynamic_keyword="$recursiveRef",
        ),
        Dialect(
            "2020-12",
            "https://json-schema.org/draft/2020-12/schema",
            all_keywords("2020-12"),
            contains_evaluates=True,
            dynamic_keyword="$dynamicRef",
        ),
    ]
}
"""The drafts by name, oldest first."""

# Both schemes are in use, and so is an empty fragment or none.  The address
# without a draft has always meant the newest one.
BY_ADDRESS = {dialect.uri.partition(":")[2]: dialect for dialect in DIALECTS.values()}
BY_ADDRESS["//json-schema.org/schema"] = DIALECTS["2020-12"]

FILES = {
    f"//json-schema.org/{folder}": f"{folder.replace('draft/', 'draft-')}.json"
    for folder in ("draft-04", "draft-06", "draft-07", "draft/2019-09", "draft/2020-12")
}


def address(uri: str) -> str | None:
    """What follows the scheme in an ``http`` or ``https`` URI, without an empty fragment."""
    scheme, _, rest = uri.partition(":")
    return rest.removesuffix("#") if scheme in ("http", "https") else None


def dialect_of(uri: str) -> Dialect | None:
    """The draft that a value of ``$schema`` names, or ``None`` if it names none of them."""
    return BY_ADDRESS.get(address(uri))


def with_vocabularies(parent: Dialect, uri: str, vocabularies: dict[str, bool] | None) -> Dialect | str:
    """The dialect that a metaschema of the caller's declares.

    Parameters
    ----------
    parent : Dialect
        The dialect that the metaschema is written in.
    uri : str
        URI of the metaschema.
    vocabularies : dict of str to bool, or None
        The metaschema's ``$vocabulary``: whether each must be understood.
        ``None`` leaves the keywords as they are.

    Returns
    -------
    Dialect or str
        The dialect, or the URI of a vocabulary that must be understood and is not.
    """
    # The drafts before 2019-09 know no vocabularies.
    if vocabularies is None or "$vocabulary" not in parent.keywords:
        return replace(parent, name=uri, uri=uri)
    for vocabulary, required in vocabularies.items():
        if required and vocabulary not in VOCABULARIES:
            return vocabulary
    known = {name: required for name, required in vocabularies.items() if name in VOCABULARIES}
    core = f"https://json-schema.org/draft/{'2019-09' if parent.array_items else '2020-12'}/vocab/core"
    return replace(
        parent,
        name=uri,
        uri=uri,
        keywords=VOCABULARIES[core].union(*(VOCABULARIES[name] for name in known)),
        # In 2020-12 the vocabulary's name says that formats are asserted, in
        # 2019-09 that the format vocabulary must be understood.
        format_asserts=any(
            name.endswith("/format-assertion") or (name.endswith("/format") and required)
            for name, required in known.items()
        ),
    )


def metaschema(uri: str) -> dict | None:
    """The published schema with this URI that describes a draft or one of its vocabularies.

    Parameters
    ----------
    uri : str
        Without a fragment.

    Returns
    -------
    dict or None
        Shared by all callers, who must not change it.
    """
    place = address(uri) or ""
    for prefix, name in FILES.items():
        if place.startswith(prefix + "/"):
            return _metaschemas(name).get(place)
    return None


@functools.cache
def _metaschemas(name: str) -> dict[str, dict]:
    """The metaschemas of one draft, by what follows the scheme in their URIs."""
    text = (Path(__file__).parent / "metaschemas" / name).read_text(encoding="utf-8")
    return {address(uri): schema for uri, schema in json.loads(text).items()}
