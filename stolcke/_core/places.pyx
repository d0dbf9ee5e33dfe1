"""Places in a JSON Schema, as far as they are asked for again and again."""

__all__ = ["Place"]


cdef class Place:
    """One place in a schema; see :class:`stolcke.frontends.json_schema.references.Node`.

    Parameters
    ----------
    schema : dict or bool
        What is there.
    resource : Resource
        What it belongs to.
    parent : Place or None
    step : str or int
        The key or index below the parent; for the outermost place what stands before its pointer.
    is_map : bool
        Whether the keys are names that the schema's author chose, and not keywords.
    """

    def __init__(self, schema, resource, Place parent, step, bint is_map):
        self.schema = schema
        self.resource = resource
        self.dialect = resource.dialect
        self.parent = parent
        self.step = step
        self.is_map = is_map
        # Single places under their key or index, subschemas under the path that was asked for.
        self.known = {}
        self.number = next(resource.document.numbers)
        self.symbol = NO_SYMBOL

    def __hash__(self):
        # Sets of places are gone through in the order of hashes, and what is made of them must not depend on addresses.
        return self.number

    cpdef Place below(self, step):
        """The place one step down, which need not be a schema.

        Raises
        ------
        IndexError, KeyError, TypeError
            There is none.
        """
        cdef object value
        cdef Place place = self.known.get(step)
        if place is not None:
            return place
        value = self.schema[step]
        # Below a keyword that holds no schemas, as far as anyone knows, a place
        # is read as a schema all the same: some reference may lead there.
        place = type(self)(value, self.resource, self, step, not self.is_map and step in self.dialect.maps)
        if isinstance(value, dict) and not place.is_map and ("$id" in value or "id" in value):
            self.resource.document.embed(place)
        self.known[step] = place
        return place
