"""Where the subschemas of a JSON Schema are, and where its references lead.

A :class:`Document` is one schema together with those that it may refer to.  Its
places are :class:`Node` objects, made when they are first asked for and one for
each place, so that a loop of references is a loop of nodes.  A node belongs to
a :class:`Resource`: the part of a document that one ``$id`` governs.  Nothing is
read ahead: a schema without references is never walked, and pointers need only
the nodes on their way.  All identifiers of a document are collected when a
reference first names one.
"""

from __future__ import annotations

import contextlib
import itertools
import marshal
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from stolcke._core.places import Place
from stolcke.errors import SchemaError, UnsupportedSchema
from stolcke.frontends.json_schema.dialects import DIALECTS, Dialect, dialect_of, metaschema, with_vocabularies
from stolcke.frontends.json_schema.uris import resolve

__all__ = ["Document", "Node", "Resource", "Scope"]

# Deeper places are those of a dict that contains itself.
DEEPEST = 20_000

INDEX = re.compile(r"0|[1-9][0-9]*", re.ASCII)


class Resource:
    """The part of a schema under one identifier.

    Attributes
    ----------
    uri : str
        The base for its references, without a fragment; ``""`` where the
        schema has no identifier.
    dialect : Dialect
        The draft it is written in.
    root : Node
        Its outermost place.
    document : Document
        What it belongs to.
    """

    __slots__ = ("_dynamic", "anchors", "dialect", "document", "root", "uri")

    root: Node

    def __init__(self, uri: str, dialect: Dialect, document: Document) -> None:
        self.uri = uri
        self.dialect = dialect
        self.document = document
        # Places by plain name, each name with all that bear it; None until collected.
        self.anchors: dict[str, list[Node]] | None = None
        self._dynamic: dict[str, Node] | None = None

    @property
    def dynamic(self) -> dict[str, Node]:
        """The places that a dynamic reference from elsewhere may be led to, by name.

        The name of the root under ``$recursiveAnchor`` is ``""``.
        """
        if self._dynamic is None:
            self._dynamic = self.document._dynamic_anchors(self)
        return self._dynamic

    def __repr__(self) -> str:
        return f"Resource({self.uri!r})"


Scope = tuple[Resource, ...]
"""Dynamic scope: the resources entered on the way to a place, outermost first, as far as they matter.

A resource counts only if it has an anchor for dynamic references that none
before it has, so that a schema has finitely many scopes, and one without such
anchors has only ``()``.
"""


class Node(Place):
    """One place in a schema.

    Attributes
    ----------
    schema : dict or bool
        What is there.
    resource : Resource
        What it belongs to.
    dialect : Dialect
        The draft it is written in: that of the resource.
    number : int
        How many places of the document were asked for before it.
    likeness : object
        See :func:`stolcke.frontends.json_schema.formulas.likeness`; None where it is not known.
    """

    __slots__ = ()

    @property
    def base(self) -> str:
        """URI that references in this place are relative to; ``""`` if none is known."""
        return self.resource.uri

    @property
    def pointer(self) -> str:
        """The place for messages: a JSON pointer after ``#``, and before it the URI of a schema other than the main."""
        steps = []
        node = self
        while node.parent is not None:
            steps.append(f"/{node.step}" if type(node.step) is int else "/" + escaped(node.step))
            node = node.parent
        return f"{node.step}#{''.join(reversed(steps))}"

    @property
    def name(self) -> str:
        """The last key on the way here, for naming what is made of the place; ``"root"`` for the outermost."""
        return "root" if self.parent is None else str(self.step)

    def child(self, *path: str | int) -> Node:
        """The subschema at a path of keys and indexes below this one.

        Raises
        ------
        SchemaError
            There is nothing, or nothing that could be a schema.
        """
        node = self.known.get(path)
        return self._subschema(path) if node is None else node

    def _subschema(self, path: tuple[str | int, ...]) -> Node:
        node = self
        for step in path:
            try:
                node = node.below(step)
            except (IndexError, KeyError, TypeError):
                raise SchemaError(f"there is no {step!r} here", pointer=node.pointer) from None
        if not isinstance(node.schema, (dict, bool)):
            raise SchemaError(
                f"a schema is an object or a boolean, not {type(node.schema).__name__}", pointer=node.pointer
            )
        self.known[path] = node
        return node

    def members(self, keyword: str) -> Iterator[tuple[str, Node]]:
        """Go through the subschemas that a keyword of this schema holds under names, in the order of the text.

        Raises
        ------
        SchemaError
            As for :meth:`child`.
        """
        place = self.below(keyword)
        known = place.known
        for name in place.schema:
            if not isinstance(name, str):
                raise SchemaError(f"names are strings, not {name!r}", pointer=place.pointer)
            node = known.get(name) or place.below(name)
            schema = node.schema
            if type(schema) is not dict and type(schema) is not bool:
                node = self.child(keyword, name)
            yield name, node

    def subschemas(self) -> Iterator[Node]:
        """The subschemas that the keywords of this schema hold, in the order of the text.

        Values that are no schemas where one must be are passed over.
        """
        if not isinstance(self.schema, dict):
            return
        for keyword, value in self.schema.items():
            if keyword in self.dialect.maps:
                places = [(keyword, name) for name in value] if isinstance(value, dict) else []
            elif keyword in self.dialect.schemas:
                places = [(keyword, index) for index in range(len(value))] if isinstance(value, list) else [(keyword,)]
            else:
                continue
            for path in places:
                if isinstance(value[path[1]] if len(path) == 2 else value, (dict, bool)):
                    yield self.child(*path)

    def reference(self) -> Node | None:
        """Where ``$ref`` leads, or ``None`` if there is none.

        Returns
        -------
        Node or None
            Perhaps a node that holds nothing but a reference again, even to this one.

        Raises
        ------
        SchemaError
            The reference leads nowhere, or to two places at once.
        """
        if self.target is None and isinstance(self.schema, dict) and "$ref" in self.schema:
            self.target = self.resource.document._target(self, "$ref")[0]
        return self.target

    def dynamic_reference(self, scope: Scope) -> Node | None:
        """Where ``$dynamicRef`` (2020-12) or ``$recursiveRef`` (2019-09) leads, or ``None`` if there is none.

        Parameters
        ----------
        scope : Scope
            The dynamic scope of this place, as :meth:`scope` gives it.

        Raises
        ------
        SchemaError
            As for :meth:`reference`.
        """
        keyword = self.dialect.dynamic_keyword
        if keyword is None or not isinstance(self.schema, dict) or keyword not in self.schema:
            return None
        target, name = self.resource.document._target(self, keyword)
        if keyword == "$recursiveRef":
            name = ""
        elif not name:
            return target
        # The scope counts only if the reference would lead to an anchor of the
        # dynamic kind without it, too.
        if target.resource.dynamic.get(name) is target:
            for resource in scope:
                if name in resource.dynamic:
                    return resource.dynamic[name]
        return target

    def scope(self, outer: Scope = ()) -> Scope:
        """The dynamic scope of this place, where ``outer`` is that of the place from which it was entered.

        Parameters
        ----------
        outer : Scope
            ``()`` for the root of a document.
        """
        names = self.resource.dynamic
        if not names or all(any(name in resource.dynamic for resource in outer) for name in names):
            return outer
        return (*outer, self.resource)

    def __repr__(self) -> str:
        return f"Node({self.pointer!r})"


class Document:
    """A JSON Schema and those that it may refer to.

    Parameters
    ----------
    schema : dict or bool
        As parsed; it is not copied and must not be changed afterwards.
    default_dialect : str
        Name of the draft of a schema without ``$schema``.
    resources : mapping of str to (dict or bool), optional
        Schemas that references may lead to, by URI.  The metaschemas of all
        drafts need not be given.  Nothing is ever fetched.

    Attributes
    ----------
    root : Node
        The outermost place of ``schema``.

    Raises
    ------
    SchemaError
        ``schema`` is of a wrong type or has a wrong ``$schema``.
    UnsupportedSchema
        ``$schema`` names a dialect that nothing is known of.
    """

    __slots__ = ("_default", "_dynamic_trees", "_given", "_resources", "_scanned", "_trees", "numbers", "root")

    def __init__(
        self,
        schema: dict | bool,
        *,
        default_dialect: str = "2020-12",
        resources: Mapping[str, dict | bool] | None = None,
    ) -> None:
        if default_dialect not in DIALECTS:
            raise SchemaError(f"there is no draft {default_dialect!r}; there are: {', '.join(DIALECTS)}")
        self._default = DIALECTS[default_dialect]
        self._given = {uri.partition("#")[0]: given for uri, given in resources.items()} if resources else {}
        # Known resources by URI, each URI with all that bear it in one schema.
        self._resources: dict[str, list[Resource]] = {}
        # Outermost places by the URI a schema was given under.
        self._trees: dict[str, Node] = {}
        # Whether the text below an outermost place may have anchors for dynamic references.
        self._dynamic_trees: dict[Node, bool] = {}
        self._scanned: set[Node] = set()
        # Numbers of places, in the order in which these are asked for.
        self.numbers = itertools.count()
        self.root = self._tree(schema, "")
        # Schemas given beside the main one are of its dialect unless they name their own.
        self._default = self.root.dialect

    # Resources.

    def _tree(self, schema: dict | bool, uri: str) -> Node:
        """The outermost place of a schema that was given under a URI, now one of the document's."""
        if not isinstance(schema, (dict, bool)):
            raise SchemaError(f"a schema is an object or a boolean, not {type(schema).__name__}", pointer=f"{uri}#")
        dialect = self._default
        base = uri
        if isinstance(schema, dict):
            if "$schema" in schema:
                dialect = self._declared(schema["$schema"], f"{uri}#")
            identifier = identifier_of(schema, dialect)
            if identifier:
                base = resolve(uri, identifier)
        resource = Resource(base, dialect, self)
        resource.root = self._trees[uri] = Node(schema, resource, None, uri, False)
        self._resources.setdefault(uri, [resource])
        if base not in self._given:
            self._resources.setdefault(base, [resource])
        return resource.root

    def embed(self, node: Node) -> None:
        """Let a place begin a resource of its own if it has an identifier."""
        schema = node.schema
        dialect = self._declared(schema["$schema"], node.pointer) if "$schema" in schema else node.dialect
        identifier = identifier_of(schema, dialect)
        if identifier:
            node.resource = Resource(resolve(node.base, identifier), dialect, self)
            node.resource.root = node
            node.dialect = dialect

    def _declared(self, uri: object, pointer: str) -> Dialect:
        """The dialect that the value of ``$schema`` in some place names."""
        if not isinstance(uri, str):
            raise SchemaError("$schema must be a string", pointer=pointer)
        # What describes the dialect may itself be written in a dialect of the caller's.
        path = []
        while (dialect := dialect_of(uri)) is None:
            uri = uri.partition("#")[0]
            described = self._given.get(uri)
            if uri in path or not isinstance(described, dict) or not isinstance(described.get("$schema"), str):
                raise UnsupportedSchema(
                    f"$schema is {uri!r}, of which nothing is known; there are the drafts {', '.join(DIALECTS)}, and "
                    "those whose metaschema is passed in resources={...}",
                    pointer=pointer,
                )
            path.append(uri)
            uri = described["$schema"]
        for uri in reversed(path):
            vocabularies = self._given[uri].get("$vocabulary")
            dialect = with_vocabularies(dialect, uri, vocabularies if isinstance(vocabularies, dict) else None)
            if isinstance(dialect, str):
                raise UnsupportedSchema(f"$schema requires the unknown vocabulary {dialect!r}", pointer=pointer)
        return dialect

    def _resource(self, uri: str, node: Node, keyword: str) -> Resource:
        """The resource of a URI that a reference names: near ones before distant ones."""
        for widen in (self._scan_main, self._give, self._publish, self._scan_given):
            if uri in self._resources:
                break
            widen(uri)
        found = self._resources.get(uri)
        if found is None:
            raise SchemaError(
                f"{keyword} {node.schema[keyword]!r} leads to {uri!r}, which is not here, and nothing is fetched; pass "
                f"resources={{{uri!r}: ...}}",
                pointer=f"{node.pointer}/{keyword}",
            )
        if len(found) > 1:
            raise self._ambiguous(node, keyword, [resource.root for resource in found])
        return found[0]

    def _scan_main(self, uri: str) -> None:
        self._scan(self.root)

    def _give(self, uri: str) -> None:
        if uri in self._given and uri not in self._trees:
            self._tree(self._given[uri], uri)

    def _publish(self, uri: str) -> None:
        schema = metaschema(uri)
        if schema is not None:
            self._tree(schema, uri)

    def _scan_given(self, uri: str) -> None:
        for given in self._given:
            # What cannot be read is an error where it is wanted, and not where something else is looked for.
            with contextlib.suppress(UnsupportedSchema):
                self._give(given)
                self._scan(self._trees[given])

    def _scan(self, start: Node) -> None:
        """Collect the identifiers of all places that keywords lead to from a place on."""
        if start in self._scanned:
            return
        self._scanned.add(start)
        found: dict[str, list[Resource]] = {}
        pending = [(start, 0)]
        while pending:
            node, depth = pending.pop()
            resource = node.resource
            if node is resource.root:
                if resource.anchors is not None:
                    continue
                resource.anchors = {}
                found.setdefault(resource.uri, []).append(resource)
            if not isinstance(node.schema, dict):
                continue
            for name in anchors_of(node):
                resource.anchors.setdefault(name, []).append(node)
            if depth > DEEPEST:
                raise SchemaError("the schema is nested too deep, or contains itself")
            pending += [(below, depth + 1) for below in [*node.subschemas()][::-1]]
        for uri, resources in found.items():
            # The outermost place keeps its URI whoever else claims it, and so do schemas that were given under one.
            if uri not in self._given or outermost(start) is self.root:
                self._resources.setdefault(uri, resources)

    # References.

    def _target(self, node: Node, keyword: str) -> tuple[Node, str]:
        """Where a reference leads by itself, and the plain name at its end, ``""`` if it has none."""
        reference = node.schema[keyword]
        if not isinstance(reference, str):
            raise SchemaError(f"{keyword} must be a string", pointer=node.pointer)
        uri, _, fragment = reference.partition("#")
        resource = self._resource(resolve(node.base, uri), node, keyword) if uri else node.resource
        if not fragment:
            return resource.root, ""
        if "%" in fragment:
            fragment = unquote(fragment)
        if fragment.startswith("/"):
            return self._at_pointer(resource, fragment, node, keyword), ""
        self._scan_around(resource)
        found = resource.anchors.get(fragment)
        if found is None:
            raise self._dangling(node, keyword, f"has no anchor {fragment!r}", resource)
        if len(found) > 1:
            raise self._ambiguous(node, keyword, found)
        return found[0], fragment

    def _at_pointer(self, resource: Resource, pointer: str, node: Node, keyword: str) -> Node:
        """The subschema at a JSON pointer into a resource."""
        place = resource.root
        for token in pointer[1:].split("/"):
            if "~" in token:
                token = token.replace("~1", "/").replace("~0", "~")
            below = place.schema
            if isinstance(below, dict) and token in below:
                place = place.below(token)
            elif isinstance(below, list) and INDEX.fullmatch(token) and int(token) < len(below):
                place = place.below(int(token))
            else:
                raise self._dangling(node, keyword, f"has no {token!r} at {place.pointer}", resource)
        if not isinstance(place.schema, (dict, bool)):
            raise self._dangling(node, keyword, f"has no schema, but {type(place.schema).__name__}, there", resource)
        return place

    def _scan_around(self, resource: Resource) -> None:
        """Collect the anchors of a resource, and with them those of the schema it is in."""
        if resource.anchors is None:
            self._scan(outermost(resource.root))
        if resource.anchors is None:
            # No keyword leads to the resource, only a pointer did.
            self._scan(resource.root)

    def _dynamic_anchors(self, resource: Resource) -> dict[str, Node]:
        """The places in a resource that dynamic references from elsewhere may be led to."""
        if resource.dialect.dynamic_keyword is None:
            return {}
        tree = outermost(resource.root)
        if tree not in self._dynamic_trees:
            try:
                # The quickest search for a word in all of a schema that there is, by far.
                self._dynamic_trees[tree] = b"Anchor" in marshal.dumps(tree.schema)
            except ValueError:
                self._dynamic_trees[tree] = True
        if not self._dynamic_trees[tree]:
            return {}
        if resource.dialect.dynamic_keyword == "$recursiveRef":
            root = resource.root.schema
            return {"": resource.root} if isinstance(root, dict) and root.get("$recursiveAnchor") is True else {}
        self._scan_around(resource)
        found = {}
        for name, nodes in resource.anchors.items():
            if any(node.schema.get("$dynamicAnchor") == name for node in nodes):
                if len(nodes) > 1:
                    raise SchemaError(f"the anchor {name!r} is also at {nodes[1].pointer}", pointer=nodes[0].pointer)
                found[name] = nodes[0]
        return found

    def _dangling(self, node: Node, keyword: str, lack: str, resource: Resource) -> SchemaError:
        where = repr(resource.uri) if resource.uri else "the schema"
        return SchemaError(
            f"{keyword} {node.schema[keyword]!r} leads nowhere: {where} {lack}", pointer=f"{node.pointer}/{keyword}"
        )

    def _ambiguous(self, node: Node, keyword: str, places: list[Node]) -> SchemaError:
        return SchemaError(
            f"{keyword} {node.schema[keyword]!r} may lead to {places[0].pointer} and to {places[1].pointer}",
            pointer=f"{node.pointer}/{keyword}",
        )


def identifier_of(schema: dict, dialect: Dialect) -> str:
    """The URI reference by which a schema begins a resource of its own, or ``""``.

    An identifier of a fragment alone begins none: it is an anchor in the older drafts.
    """
    identifier = schema.get(dialect.id_keyword)
    if not isinstance(identifier, str) or (dialect.ref_overrides and "$ref" in schema):
        return ""
    return identifier.partition("#")[0]


def anchors_of(node: Node) -> set[str]:
    """The plain names of a place within its resource."""
    schema, dialect = node.schema, node.dialect
    if not dialect.ref_overrides:
        return {
            schema[keyword]
            for keyword in ("$anchor", "$dynamicAnchor")
            if keyword in dialect.keywords and isinstance(schema.get(keyword), str)
        }
    identifier = schema.get(dialect.id_keyword)
    # Other than a URI, a name beside `$ref` can mislead nobody.
    name = identifier.partition("#")[2] if isinstance(identifier, str) else ""
    return set() if not name or name.startswith("/") else {name}


def outermost(node: Node) -> Node:
    """The outermost place of the schema that a place is in."""
    while node.parent is not None:
        node = node.parent
    return node


def escaped(token: str) -> str:
    """A key as it is written in a JSON pointer."""
    return token.replace("~", "~0").replace("/", "~1")
