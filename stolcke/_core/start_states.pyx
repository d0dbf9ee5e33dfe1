"""Where the terminals' automata begin: canonical states of automata, names, and counted repeats."""

from stolcke._core.automata cimport Given, state_next
from stolcke._core.counted cimport UNBOUNDED
from stolcke._core.locks cimport STORE
from stolcke._core.name_states cimport name_state
from stolcke._core.other_names cimport other_names_state
from stolcke._core.types cimport NONE

LONGEST_NAME = 1_000
"""Characters of a name; that its places are gone through by recursion is no danger to the stack."""


cdef vector[uint32_t] code_points(str name) except *:
    """The characters of a name."""
    cdef vector[uint32_t] characters
    cdef Py_UCS4 character
    for character in name:
        if 0xD800 <= character < 0xE000:
            raise ValueError("name: a surrogate is no character")
        characters.push_back(<uint32_t>character)
    return characters


cdef class StartStates(Splitter):
    """A splitter to which the automata of terminals are added, by several threads."""

    def __cinit__(self):
        self.lock = Lock(STORE)

    cdef int add_states(self, ByteDfa machine, uint32_t* ids) except -1:
        """Find the canonical ids of a minimal automaton's states."""
        cdef Given given
        given.n, given.ids = <uint32_t>machine.accepting.size(), ids
        given.offsets = machine.offsets.data()
        given.low = machine.low.data()
        given.high = machine.high.data()
        given.target = machine.target.data()
        given.accepting = machine.accepting.data()
        with nogil:
            self.lock.lock()
            try:
                self.automata.add(&given)
            finally:
                self.lock.unlock()
        return 0

    def add_automaton(self, ByteDfa machine not None):
        """Canonical id of the start of a minimal automaton, whose language must not be empty."""
        cdef vector[uint32_t] ids
        ids.resize(machine.accepting.size() + 1)
        self.add_states(machine, ids.data())
        return ids[0]

    def add_name(self, str name not None, bint ascii_only, uint32_t after):
        r"""Canonical id of the state that reads a JSON string, any of whose characters may be escaped.

        Parameters
        ----------
        name : str
            What the string denotes; without surrogates.
        ascii_only : bool
            Whether characters beyond ASCII must be escaped.
        after : int
            Canonical id of the state behind the closing quote.
        """
        cdef vector[uint32_t] characters = code_points(name)
        cdef uint32_t result
        if after >= self.automata.states.size:
            raise ValueError("name: no such state")
        with nogil:
            self.lock.lock()
            try:
                result = name_state(self.automata, characters, ascii_only, after)
            finally:
                self.lock.unlock()
        return result

    def add_other_names(self, names, bint ascii_only, uint32_t everything):
        r"""Canonical id of the state that reads any JSON string but some, and what follows.

        Parameters
        ----------
        names : iterable of str
            What the strings that are left out denote; without surrogates, and of at most LONGEST_NAME characters.
        ascii_only : bool
            Whether characters beyond ASCII must be escaped; any character may be.
        everything : int
            Canonical id of the state that reads any such JSON string, and what follows.
        """
        cdef vector[vector[uint32_t]] several
        cdef uint32_t result
        if everything >= self.automata.states.size or state_next(self.automata.state(everything), c'"') == NONE:
            raise ValueError("other names: no such state")
        for name in names:
            if len(name) > LONGEST_NAME:
                raise ValueError("other names: a name is too long")
            several.push_back(code_points(name))
        with nogil:
            self.lock.lock()
            try:
                result = other_names_state(self.automata, several, ascii_only, everything)
            finally:
                self.lock.unlock()
        return result

    def add_counted(self, uint32_t before, uint32_t unit, uint32_t after, uint32_t unbounded, uint32_t least, most):
        """The start state of ``before unit{least,most} after``.

        Parameters
        ----------
        before, unit, after, unbounded : int
            Canonical start states of the three, and of ``before unit* after``.
        least : int
        most : int or None

        Raises
        ------
        ValueError
            Where words of ``before`` or of ``unit`` are prefixes of each other, or a byte begins both a unit and what
            follows; or ``unbounded`` is the state of something else.
        """
        cdef uint32_t most_ = UNBOUNDED if most is None else most
        cdef uint32_t result
        cdef const char* reason
        if max(before, unit, after, unbounded) >= self.automata.states.size:
            raise ValueError("counted repeat: no such state")
        with nogil:
            self.lock.lock()
            try:
                result = self.counted.add(before, unit, after, unbounded, least, most_)
                reason = self.counted.reason
            finally:
                self.lock.unlock()
        if result == NONE:
            raise ValueError(f"counted repeat: {reason.decode()}")
        return result
