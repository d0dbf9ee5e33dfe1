"""Plain schemas straight to rules.

Most places of most schemas only name a type, bounds, members or items, and say nothing that another keyword would have
to be combined with.  Such a schema is its own description of a set: nothing has to be worked out, and it is written as
it stands.  All others are handed back to :class:`stolcke.frontends.json_schema.emit.Emitter`; what both write is the
same.
"""

from libc.stdint cimport int32_t
from libcpp.vector cimport vector

from stolcke._core.places cimport NO_SYMBOL, Place
from stolcke._core.written cimport Member, WrittenRules

__all__ = ["SchemaWalk", "n_values", "scalar_content"]

cdef object PLAIN = object()

cdef frozenset SCALARS = frozenset(["null", "boolean", "number", "integer", "string"])
cdef frozenset BOUNDS = frozenset([
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "format",
])
cdef frozenset LISTED = frozenset(["enum", "const"])
cdef frozenset OF_OTHERS = frozenset([
    "$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "not", "if",
])
cdef frozenset OF_STRUCTURE = frozenset([
    "items", "additionalItems", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains", "unevaluatedItems",
    "properties", "patternProperties", "additionalProperties", "propertyNames", "required", "minProperties",
    "maxProperties", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties",
])
cdef dict ROLES = {
    **dict.fromkeys(BOUNDS, 1), **dict.fromkeys(LISTED, 2), **dict.fromkeys(OF_OTHERS, 3),
    **dict.fromkeys(OF_STRUCTURE, 4),
}

cdef enum:
    MOST_LISTED = 256                # values; more are looked at place by place, as comparing them costs as much
    MEMBERS_AT_A_TIME = 256          # of an object, between two looks at the clock
cdef dict MEMBERS = dict.fromkeys(["type", "properties", "required", "additionalProperties"], PLAIN)
cdef dict ITEMS = dict.fromkeys(["type", "items", "minItems"], PLAIN)
cdef frozenset NEEDED = frozenset(MEMBERS) | frozenset(ITEMS)


def n_values(value, Py_ssize_t most):
    """How many values are within one; where one stands at many places, it is counted at each.

    Parameters
    ----------
    value : object
    most : int
        Beyond so many the rest is not counted.
    """
    cdef Py_ssize_t found = 0
    cdef list pending = [value]
    while pending and found <= most:
        each = pending.pop()
        if type(each) is dict:
            each = (<dict>each).values()
        elif type(each) is not list and type(each) is not tuple:
            continue
        found += len(each)
        for inner in each:
            if type(inner) is dict or type(inner) is list or type(inner) is tuple:
                pending.append(inner)
    return found


cdef inline bint is_atom(value):
    return type(value) is str or type(value) is int or type(value) is float or type(value) is bool


def scalar_content(schema, dialect):
    """All that the values of a schema depend on, where it allows only scalars and speaks of no other schema.

    Returns
    -------
    tuple or None
        Equal for two schemas only if they allow the same.
    """
    if type(schema) is not dict:
        return None
    cdef dict asked = <dict>schema
    cdef object kinds = asked.get("type"), keyword, value, role
    cdef list found
    if type(kinds) is str:
        if kinds not in SCALARS:
            return None
    elif type(kinds) is list:
        for value in kinds:
            if type(value) is not str or value not in SCALARS:
                return None
        kinds = tuple(kinds)
    elif kinds is not None or ("enum" not in asked and "const" not in asked):
        return None
    found = [dialect, kinds]
    for keyword, value in asked.items():
        role = ROLES.get(keyword)
        if role is None:
            continue
        if <int>role == 1:
            if not is_atom(value):
                return None
            found.append((keyword, type(value), value))
        elif <int>role == 2:
            # Where a draft does not know the keyword, there may be arrays and objects as well.
            if keyword not in dialect.keywords:
                return None
            values = [value] if keyword == "const" else value
            if type(values) is not list or len(<list>values) > MOST_LISTED:
                return None
            for each in <list>values:
                if not is_atom(each) and each is not None:
                    return None
            found.append((keyword, tuple([(type(each), each) for each in <list>values])))
        elif <int>role == 3 or kinds is None:
            # Without a type, what is said of arrays and objects is read as well.
            return None
    return tuple(found)


cdef class SchemaWalk:
    """Writes the plain schemas of a document.

    Parameters
    ----------
    written : WrittenRules
    others : object
        Does what is not done here; see the methods of the Emitter that are called.
    of_objects, of_arrays : iterable of str
        The keywords that mean something for objects and for arrays.
    order : bool
        Whether the members of objects come in the order declared, which alone is written here.
    """

    cdef WrittenRules written
    cdef object others
    cdef dict of_objects, of_arrays, contents, keys, plain_dialects
    cdef list todo
    cdef int32_t[7] structure
    cdef bint order, has_structure
    cdef int32_t any_value

    def __cinit__(self, WrittenRules written not None, others, of_objects, of_arrays, bint order):
        self.written = written
        self.others = others
        self.of_objects = {**dict.fromkeys(of_objects), **MEMBERS}
        self.of_arrays = {**dict.fromkeys(of_arrays), **ITEMS}
        self.order = order
        self.contents = {}
        self.keys = {}
        self.plain_dialects = {}
        self.todo = []
        self.has_structure = False
        self.any_value = NO_SYMBOL

    def value(self, Place place not None):
        """The symbol that derives the values of a place.

        Its rules may be written later, by :meth:`write`.
        """
        if place.symbol == NO_SYMBOL:
            place.symbol = self.look(place, scalar_content(place.schema, place.dialect))
        return place.symbol

    def write(self):
        """Write the rules of one more place; false where all are written."""
        cdef Place place
        if not self.todo:
            return False
        place = self.todo.pop()
        if (<dict>place.schema)["type"] == "object":
            self.write_object(place)
        else:
            self.write_array(place)
        return True

    # --- what a place is -----------------------------------------------------------------------------------------

    cdef int32_t look(self, Place place, content) except? -0x80000000:
        """The symbol of a place that has none yet."""
        cdef int32_t symbol
        if content is not None:
            known = self.contents.get(content)
            if known is None:
                known = self.contents[content] = self.others.scalar(place, content)
            return known
        if not self.is_plain(place):
            return self.others.combined(place)
        symbol = self.written.nonterminal(place.name)
        self.todo.append(place)
        return symbol

    cdef bint is_plain(self, Place place) except -1:
        """Whether a place is an object or an array that can be written as it stands."""
        if type(place.schema) is not dict:
            return False
        cdef dict schema = <dict>place.schema, meanings
        cdef object kind = schema.get("type"), keyword, value
        cdef bint is_object
        if type(kind) is not str:
            return False
        if kind == "object" and self.order:
            is_object, meanings = True, self.of_objects
        elif kind == "array":
            is_object, meanings = False, self.of_arrays
        else:
            return False
        for keyword in schema:
            if meanings.get(keyword, PLAIN) is not PLAIN:
                return False
        value = self.plain_dialects.get(place.dialect)
        if value is None:
            value = self.plain_dialects[place.dialect] = NEEDED <= place.dialect.keywords
        if not value:
            return False
        return self.has_plain_members(schema) if is_object else self.has_plain_items(schema)

    cdef bint has_plain_members(self, dict schema) except -1:
        """Whether the keywords of an object have the right forms, and no member is both required and forbidden."""
        cdef object named = schema.get("properties"), required = schema.get("required")
        cdef object additional = schema.get("additionalProperties", True), each
        if type(additional) is not dict and type(additional) is not bool:
            return False
        if named is None:
            if "properties" in schema:
                return False
            named = {}
        elif type(named) is not dict:
            return False
        for name, each in (<dict>named).items():
            if type(name) is not str or (type(each) is not dict and type(each) is not bool):
                return False
        if required is None:
            return "required" not in schema
        if type(required) is not list:
            return False
        for each in <list>required:
            if type(each) is not str or (<dict>named).get(each, additional) is False:
                return False
        return True

    cdef bint has_plain_items(self, dict schema) except -1:
        cdef object items = schema.get("items", True), least = schema.get("minItems", 0)
        if type(least) is not int or not 0 <= least <= 1:
            return False
        return type(items) is dict or items is True

    # --- what is beneath -----------------------------------------------------------------------------------------

    def anything(self):
        """The symbol of any value."""
        return self.any()

    cdef int32_t any(self) except? -0x80000000:
        cdef vector[Member] none, others
        cdef Member other
        if self.any_value == NO_SYMBOL:
            self.any_value = self.written.nonterminal("value")
            for scalar in self.others.all_scalars():
                self.written.rule(self.any_value, scalar)
            other.name = self.others.other_names(())
            other.value = self.any_value
            other.required = False
            others.push_back(other)
            self.write_members(self.any_value, none, others)
            self.write_items(self.any_value, self.any_value, True)
        return self.any_value

    cdef int32_t child(self, Place holder, step, schema) except? -0x80000000:
        """The symbol of the schema that stands under a key below a place."""
        cdef object content = None, known
        cdef Place place
        if schema is True or (type(schema) is dict and not <dict>schema):
            return self.any()
        # A schema with an identifier of its own may be of another draft.
        cdef bint is_own = type(schema) is dict and ("$id" in <dict>schema or "id" in <dict>schema)
        if not is_own:
            content = scalar_content(schema, holder.dialect)
            if content is not None:
                known = self.contents.get(content)
                if known is not None:
                    return known
        place = holder.below(step)
        if place.symbol == NO_SYMBOL:
            if is_own or type(schema) is not dict or "type" not in <dict>schema or "$ref" in <dict>schema:
                place.symbol = self.others.value_of(place)
            else:
                place.symbol = self.look(place, content)
        return place.symbol

    cdef int32_t key(self, str name) except? -0x80000000:
        known = self.keys.get(name)
        if known is None:
            known = self.keys[name] = self.others.named_key(name)
        return known

    cdef int32_t* structural(self) except NULL:
        """Symbols: what opens, closes, and is an empty object; the same of arrays; and a comma."""
        cdef Py_ssize_t i
        if not self.has_structure:
            symbols = self.others.structural()
            for i in range(7):
                self.structure[i] = symbols[i]
            self.has_structure = True
        return self.structure

    # --- rules ---------------------------------------------------------------------------------------------------

    cdef int write_object(self, Place place) except -1:
        cdef dict schema = <dict>place.schema
        cdef dict named = schema.get("properties", {})
        cdef list required = schema.get("required", [])
        cdef object additional = schema.get("additionalProperties", True), name, each
        cdef set needed = set(required)
        cdef vector[Member] members, others
        cdef Member member
        cdef Place holder = place.below("properties") if named else None
        cdef list declared = list(named)
        cdef Py_ssize_t unchecked = MEMBERS_AT_A_TIME
        self.others.check(len(named))
        members.reserve(len(named))
        for name, each in named.items():
            unchecked -= 1
            if unchecked == 0:
                unchecked = MEMBERS_AT_A_TIME
                self.others.check(0)
            if each is False:
                continue
            member.name = self.key(name)
            member.value = self.child(holder, name, each)
            member.required = name in needed
            members.push_back(member)
        if additional is not False:
            member.value = self.child(place, "additionalProperties", additional)
            member.required = True
            for name in dict.fromkeys(required):
                if name not in named:
                    member.name = self.key(name)
                    members.push_back(member)
                    declared.append(name)
            member.name = self.others.other_names(tuple(declared))
            member.required = False
            others.push_back(member)
        return self.write_members(place.symbol, members, others)

    cdef int write_members(self, int32_t lhs, const vector[Member]& members, const vector[Member]& others) except -1:
        cdef const int32_t* structure = self.structural()
        cdef int32_t[4] parts = [structure[0], structure[1], structure[2], structure[6]]
        return self.written.write_members(lhs, parts, members, others, True)

    cdef int write_array(self, Place place) except -1:
        cdef dict schema = <dict>place.schema
        cdef int32_t item = self.child(place, "items", schema.get("items", True))
        return self.write_items(place.symbol, item, not schema.get("minItems", 0))

    cdef int write_items(self, int32_t lhs, int32_t item, bint may_be_empty) except -1:
        cdef const int32_t* structure = self.structural()
        cdef object rest = self.written.part_of(lhs, "rest")
        if may_be_empty:
            self.written.rule(lhs, structure[5])
        self.written.rule(lhs, structure[3], item, rest)
        self.written.rule(rest, structure[6], item, rest)
        self.written.rule(rest, structure[4])
        return 0
