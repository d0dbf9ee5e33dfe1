"""The outside judge: the ``jsonschema`` package, made exact about numbers and about ECMA-262's anchors.

``jsonschema`` divides in binary floating point (0.3 is no multiple of 0.1
there) and searches patterns with Python's ``re``, whose ``$`` also matches
before a last line feed and whose ``\\d`` takes every script's digits.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import jsonschema
from jsonschema import validators
from jsonschema.exceptions import ValidationError

DIALECTS = {
    "4": jsonschema.Draft4Validator,
    "6": jsonschema.Draft6Validator,
    "7": jsonschema.Draft7Validator,
    "2019-09": jsonschema.Draft201909Validator,
    "2020-12": jsonschema.Draft202012Validator,
}


@cache
def ecma(pattern: str) -> re.Pattern[str]:
    """A pattern for Python's ``re``, with anchors and classes as in ECMA-262."""
    meant = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]|\$", lambda found: r"\Z" if found[0] == "$" else found[0], pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `[[` and the like, which Python may want for itself
        return re.compile(meant, re.ASCII)


def _pattern(validator, pattern, instance, schema):
    if validator.is_type(instance, "string") and not ecma(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator, properties, instance, schema):
    if validator.is_type(instance, "object"):
        for pattern, subschema in properties.items():
            for name, value in instance.items():
                if ecma(pattern).search(name):
                    yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _multiple_of(validator, divisor, instance, schema):
    if validator.is_type(instance, "number") and exact(instance) % exact(divisor):
        yield ValidationError(f"{instance!r} is not a multiple of {divisor!r}")


def _unique_items(validator, unique, instance, schema):
    if unique and validator.is_type(instance, "array") and len({identity(item) for item in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def exact(number: float | Decimal) -> Fraction:
    """A number's value, a float by its shortest decimal."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def identity(value: Any) -> Any:
    """A hashable thing that is equal for two values if and only if JSON Schema takes them as equal."""
    match value:
        case None | bool() | str():
            return (type(value), value)
        case list():
            return (list, *map(identity, value))
        case dict():
            return (dict, frozenset((name, identity(item)) for name, item in value.items()))
    return ("number", exact(value))


def _is_integer(checker, value) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float, Decimal)) and exact(value).denominator == 1


def _is_number(checker, value) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float, Decimal))


@cache
def _exact_class(plain: type) -> type:
    checker = plain.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number})
    keywords = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "multipleOf": _multiple_of,
        "uniqueItems": _unique_items,
    }
    return validators.extend(plain, validators=keywords, type_checker=checker)


def validator(schema: Any, *, dialect: str = "2020-12", formats: bool = True, registry: Any = None):
    """A validator for a schema by its ``$schema``, or by ``dialect`` where it names none.

    ``is_valid`` takes what :func:`tests.json_schema.documents.read` gives.
    """
    named = schema.get("$schema") if isinstance(schema, Mapping) else None
    plain = validators.validator_for({"$schema": named} if named else {}, default=DIALECTS[dialect])
    more = {"registry": registry} if registry is not None else {}
    if named:  # a `$ref` back to the root would read it again, and take the inexact class
        schema = {keyword: value for keyword, value in schema.items() if keyword != "$schema"}
    return _exact_class(plain)(schema, format_checker=plain.FORMAT_CHECKER if formats else None, **more)


def verdict(judge: Any, document: Any) -> bool | None:
    """Whether a validator finds a document valid; None where a loop of references exhausts its stack."""
    try:
        return judge.is_valid(document)
    except RecursionError:
        return None
    except BaseException as error:
        # The stack may also end inside the Rust library that holds the registry, whose panics are no Exception.
        if type(error).__name__ != "PanicException":
            raise
        return None
