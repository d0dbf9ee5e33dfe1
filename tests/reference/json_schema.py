"""A validator that follows references through Node, and is otherwise as plain as can be.

It knows the keywords that the test suite's files about references use, and no
more: a keyword that is missing here is an error, not an opinion.
"""

from __future__ import annotations

import re
from fractions import Fraction

from stolcke.frontends.json_schema.references import Node, Scope

TYPES = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: TYPES["number"](value) and value == int(value),
}

NO_OPINION = {
    *("$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$recursiveAnchor", "$schema", "$vocabulary"),
    *("contentEncoding", "contentMediaType", "contentSchema", "default", "definitions", "deprecated", "description"),
    *("else", "examples", "format", "id", "maxContains", "minContains", "readOnly", "then", "title", "writeOnly"),
}


def is_valid(node: Node, value: object) -> bool:
    """Whether a value satisfies the schema at the root of a document."""
    return evaluate(node, value, ()) is not None


def evaluate(node: Node, value: object, outer: Scope) -> set | None:
    """The names or indexes that the schema evaluates, or None if it rejects the value."""
    if isinstance(node.schema, bool):
        return set() if node.schema else None
    scope = node.scope(outer)
    seen: set = set()
    keywords = [key for key in node.schema if key in node.dialect.keywords]
    if node.dialect.ref_overrides and "$ref" in keywords:
        keywords = ["$ref"]
    # What others evaluated must be known when these are asked.
    for keyword in sorted(keywords, key=lambda keyword: keyword.startswith("unevaluated")):
        if keyword in NO_OPINION:
            continue
        found = globals()["_" + keyword.lstrip("$")](node, value, scope, seen)
        if found is None or found is False:
            return None
        seen |= found if isinstance(found, set) else set()
    return seen


def same(left: object, right: object) -> bool:
    """Equality of JSON values: 1 is 1.0 and not true."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def each(node, value, scope, places):
    """Whether the parts of a value satisfy the schemas that stand for them."""
    rejected = [key for key, path in places if evaluate(node.child(*path), value[key], scope) is None]
    return None if rejected else {key for key, _ in places}


def number(value):
    return TYPES["number"](value)


def _ref(node, value, scope, seen):
    return evaluate(node.reference(), value, scope)


def _dynamicRef(node, value, scope, seen):
    return evaluate(node.dynamic_reference(scope), value, scope)


_recursiveRef = _dynamicRef


def _type(node, value, scope, seen):
    wanted = node.schema["type"]
    return any(TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _enum(node, value, scope, seen):
    return any(same(value, one) for one in node.schema["enum"])


def _const(node, value, scope, seen):
    return same(value, node.schema["const"])


def _minimum(node, value, scope, seen):
    return not number(value) or value >= node.schema["minimum"]


def _maximum(node, value, scope, seen):
    return not number(value) or value <= node.schema["maximum"]


def _exclusiveMinimum(node, value, scope, seen):
    return not number(value) or value > node.schema["exclusiveMinimum"]


def _exclusiveMaximum(node, value, scope, seen):
    return not number(value) or value < node.schema["exclusiveMaximum"]


def _multipleOf(node, value, scope, seen):
    return not number(value) or Fraction(str(value)) % Fraction(str(node.schema["multipleOf"])) == 0


def _minLength(node, value, scope, seen):
    return not isinstance(value, str) or len(value) >= node.schema["minLength"]


def _maxLength(node, value, scope, seen):
    return not isinstance(value, str) or len(value) <= node.schema["maxLength"]


def _pattern(node, value, scope, seen):
    return not isinstance(value, str) or re.search(node.schema["pattern"], value) is not None


def _minItems(node, value, scope, seen):
    return not isinstance(value, list) or len(value) >= node.schema["minItems"]


def _maxItems(node, value, scope, seen):
    return not isinstance(value, list) or len(value) <= node.schema["maxItems"]


def _uniqueItems(node, value, scope, seen):
    if not isinstance(value, list) or not node.schema["uniqueItems"]:
        return True
    return not any(same(value[i], value[j]) for i in range(len(value)) for j in range(i))


def _required(node, value, scope, seen):
    return not isinstance(value, dict) or set(node.schema["required"]) <= value.keys()


def _properties(node, value, scope, seen):
    if not isinstance(value, dict):
        return True
    return each(node, value, scope, [(key, ("properties", key)) for key in value if key in node.schema["properties"]])


def _patternProperties(node, value, scope, seen):
    if not isinstance(value, dict):
        return True
    patterns = node.schema["patternProperties"]
    places = [(key, ("patternProperties", one)) for key in value for one in patterns if re.search(one, key)]
    return each(node, value, scope, places)


def _additionalProperties(node, value, scope, seen):
    if not isinstance(value, dict):
        return True
    patterns = node.schema.get("patternProperties", ())
    others = [
        key
        for key in value
        if key not in node.schema.get("properties", ()) and not any(re.search(one, key) for one in patterns)
    ]
    return each(node, value, scope, [(key, ("additionalProperties",)) for key in others])


def _propertyNames(node, value, scope, seen):
    if not isinstance(value, dict):
        return True
    return all(evaluate(node.child("propertyNames"), key, scope) is not None for key in value)


def _dependentRequired(node, value, scope, seen):
    if not isinstance(value, dict):
        return True
    return all(set(needed) <= value.keys() for key, needed in node.schema["dependentRequired"].items() if key in value)


def _dependencies(node, value, scope, seen):
    if not isinstance(value, dict):
        return True
    for key, needed in node.schema["dependencies"].items():
        if key not in value:
            continue
        if isinstance(needed, list):
            if not set(needed) <= value.keys():
                return False
        elif evaluate(node.child("dependencies", key), value, scope) is None:
            return False
    return True


def _unevaluatedProperties(node, value, scope, seen):
    if not isinstance(value, dict):
        return True
    return each(node, value, scope, [(key, ("unevaluatedProperties",)) for key in value if key not in seen])


def _prefixItems(node, value, scope, seen):
    if not isinstance(value, list):
        return True
    n = min(len(value), len(node.schema["prefixItems"]))
    return each(node, value, scope, [(index, ("prefixItems", index)) for index in range(n)])


def _items(node, value, scope, seen):
    if not isinstance(value, list):
        return True
    items = node.schema["items"]
    if isinstance(items, list):
        places = [(index, ("items", index)) for index in range(min(len(items), len(value)))]
    else:
        start = 0 if node.dialect.array_items else len(node.schema.get("prefixItems", ()))
        places = [(index, ("items",)) for index in range(start, len(value))]
    return each(node, value, scope, places)


def _additionalItems(node, value, scope, seen):
    items = node.schema.get("items")
    if not isinstance(value, list) or not isinstance(items, list):
        return True
    return each(node, value, scope, [(index, ("additionalItems",)) for index in range(len(items), len(value))])


def _unevaluatedItems(node, value, scope, seen):
    if not isinstance(value, list):
        return True
    return each(node, value, scope, [(i, ("unevaluatedItems",)) for i in range(len(value)) if i not in seen])


def branches(node, keyword, value, scope):
    """What the accepting branches evaluate, and how many branches there are."""
    results = [evaluate(node.child(keyword, index), value, scope) for index in range(len(node.schema[keyword]))]
    return [found for found in results if found is not None], len(results)


def _allOf(node, value, scope, seen):
    accepted, n = branches(node, "allOf", value, scope)
    return set().union(*accepted) if len(accepted) == n else None


def _anyOf(node, value, scope, seen):
    accepted, _ = branches(node, "anyOf", value, scope)
    return set().union(*accepted) if accepted else None


def _oneOf(node, value, scope, seen):
    accepted, _ = branches(node, "oneOf", value, scope)
    return accepted[0] if len(accepted) == 1 else None


def _not(node, value, scope, seen):
    return evaluate(node.child("not"), value, scope) is None


def _if(node, value, scope, seen):
    condition = evaluate(node.child("if"), value, scope)
    keyword = "else" if condition is None else "then"
    if keyword not in node.schema:
        return condition or set()
    result = evaluate(node.child(keyword), value, scope)
    return None if result is None else result | (condition or set())
