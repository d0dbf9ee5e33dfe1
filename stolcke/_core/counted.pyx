"""States of terminals with counted repeats.

A string of at most 65,535 characters has an automaton of a million states, and
nearly all are the same but for a number.  Here they are not written down: a
*family* is what the states have in common, found from the automaton of the
repeated *unit*, and a *level* is a pair of numbers: how many units must come
after the present one, and how many more may.  A state's id is its level's first
id plus its index in the family.

Levels are interned and made when a step leads to them.  A state says what
*remains*, not what has been read: the last 200 characters are the same states
whether the limit was 255 or 65,535, in all grammars.

This is a deterministic automaton under three conditions, which are checked: no
word of the unit is a prefix of another, nor is one of what stands before the
repeat, and no byte begins both a unit and what follows the repeat.
"""

from libcpp.unordered_map cimport unordered_map
from libc.string cimport memset

from stolcke._core.automata cimport Loops
from stolcke._core.containers cimport slot_of
from stolcke._core.storage cimport segments_bytes, segments_free, segments_init, segments_push
from stolcke._core.types cimport store32
from stolcke._core.utf8 cimport AFTER_LEAD, UTF8, utf8_rest


cdef class CountedStore:

    def __cinit__(self, Arena arena not None, AutomatonStore automata not None):
        self.arena = arena
        self.automata = automata
        self.family_keys = SequenceTable(arena)
        self.level_keys = SequenceTable(arena)
        segments_init(&self.families, sizeof(Family))
        segments_init(&self.slots, sizeof(Level))
        segments_push(&self.slots)

    def __dealloc__(self):
        segments_free(&self.families)
        segments_free(&self.slots)

    cdef uint32_t add(self, uint32_t before, uint32_t unit, uint32_t after, uint32_t unbounded, uint32_t least,
                      uint32_t most) except? 0xFFFFFFFF nogil:
        """The start of ``before unit{least,most} after``, each given by the canonical start of its automaton.

        ``unbounded`` is that of ``before unit* after``; ``most`` may be UNBOUNDED.
        NONE where that cannot be: then ``reason`` says why.
        """
        cdef uint32_t family
        cdef uint32_t twin = unbounded
        cdef vector[uint32_t] inner, twins
        if least >= COUNTED or (most != UNBOUNDED and (most < least or most >= COUNTED)):
            return self.refuse(b"its bounds are out of order or too large")
        cdef uint32_t slack = UNBOUNDED if most == UNBOUNDED else most - least
        cdef bint has_prefix = self.automata.state(before).n_edges > 0
        if has_prefix:
            twin = self.explore(before, unbounded, inner, twins)
            if twin == NONE:
                return NONE
        family = self.unit_family(unit, after, twin)
        if family != NONE and has_prefix:
            family = self.prefix_family(before, family, unbounded)
        if family == NONE:
            return NONE
        if has_prefix:
            return self.level(family, least, slack) + 1
        return self.level_of(self.level(family, least, slack)).between

    cdef uint32_t refuse(self, const char* reason) noexcept nogil:
        """Note why a repeat cannot be; a status, because an error must not be raised while a lock is held."""
        self.reason = reason
        return NONE

    # --- families ------------------------------------------------------------------------------------------------

    cdef uint32_t unit_family(self, uint32_t unit, uint32_t after, uint32_t unbounded) except? 0xFFFFFFFF nogil:
        """The family of a repeated unit; ``unbounded`` is the explicit state before ``unit* after``."""
        cdef Family family
        cdef vector[uint32_t] inner, twins
        cdef uint32_t[3] key = [OF_UNIT, unit, after]
        cdef uint32_t known = self.family_keys.find(key, 3)
        cdef uint32_t end
        if known != NONE:
            return known
        memset(&family, 0, sizeof(Family))
        # What a unit begins with is a state within it only where a word leads back there.
        end = self.explore(unit, unbounded, inner, twins)
        if end == NONE:
            return NONE
        if end != unbounded:
            return self.refuse(b"the unbounded automaton is another's")
        family.start = unit
        family.base = self.family_keys.count()
        family.after = after
        self.make_inner(&family, inner, twins)
        family.twins[0] = unbounded
        if not self.make_between(&family):
            return self.refuse(b"a byte begins both the unit and what follows")
        return self.intern_family(&family, key)

    cdef uint32_t prefix_family(self, uint32_t before, uint32_t base, uint32_t unbounded) except? 0xFFFFFFFF nogil:
        """The family of what stands before a repeat; ``unbounded`` is the explicit start of ``before unit* after``."""
        cdef Family family
        cdef vector[uint32_t] inner, twins
        cdef uint32_t[3] key = [OF_PREFIX, before, base]
        cdef uint32_t known = self.family_keys.find(key, 3)
        cdef uint32_t end
        if known != NONE:
            return known
        memset(&family, 0, sizeof(Family))
        end = self.explore(before, unbounded, inner, twins)
        if end == NONE:
            return NONE
        if end != self.family(base).twins[0]:
            return self.refuse(b"the unbounded automaton is another's")
        family.start = before
        family.base = base
        family.after = self.family(base).after
        self.make_inner(&family, inner, twins)
        return self.intern_family(&family, key)

    cdef uint32_t intern_family(self, const Family* family, const uint32_t* key) except? 0xFFFFFFFF nogil:
        if self.families.size == self.family_keys.count():      # else an earlier MemoryError left one to be reused
            segments_push(&self.families)
        (<Family*>segments_at(&self.families, self.family_keys.count()))[0] = family[0]
        return self.family_keys.intern(key, 3)

    cdef uint32_t explore(self, uint32_t start, uint32_t twin, vector[uint32_t]& inner,
                          vector[uint32_t]& twins) except? 0xFFFFFFFF nogil:
        """The states within the words of a prefix code, breadth first, and their twins; the twin of where words end.

        Twins are the states of another automaton, beginning at ``twin``, that the same bytes lead to.
        """
        cdef unordered_map[uint32_t, uint32_t] place
        cdef const State* at
        cdef uint32_t end = NONE
        cdef uint32_t e, target
        cdef size_t i = 0
        if self.automata.state(start).accepting:
            return self.refuse(b"a part that must not be empty may be")
        inner.push_back(start)
        twins.push_back(twin)
        slot_of(place, start)[0] = 0
        while i < inner.size():
            at = self.automata.state(inner[i])
            for e in range(at.n_edges):
                target = at.edges[e].target
                twin = state_next(self.automata.state(twins[i]), at.edges[e].low)
                if twin == NONE:
                    return self.refuse(b"the unbounded automaton is another's")
                if self.automata.state(target).accepting:
                    if self.automata.state(target).n_edges:
                        return self.refuse(b"a word of a part is a prefix of another")
                    end = twin
                elif place.count(target) == 0:
                    slot_of(place, target)[0] = <uint32_t>inner.size()
                    inner.push_back(target)
                    twins.push_back(twin)
                elif target == start:
                    twins[0] = twin     # not that of the beginning, where a repeat may also end
            i += 1
        return self.refuse(b"a part has no words") if end == NONE else end

    cdef int make_inner(self, Family* family, vector[uint32_t]& inner, vector[uint32_t]& twins) except -1 nogil:
        """Templates of the states within a word."""
        cdef unordered_map[uint32_t, uint32_t] place
        cdef Edge[257] edges
        cdef const State* at
        cdef size_t i
        cdef uint32_t e
        family.n_inner = <uint32_t>inner.size()
        family.n_slots = (family.n_inner >> SLOT_BITS) + 1
        family.inner = <State*>self.arena.take(inner.size() * sizeof(State))
        family.twins = <uint32_t*>self.arena.take((inner.size() + 1) * 4)
        family.twins[0] = NONE
        for i in range(inner.size()):
            slot_of(place, <uint32_t>inner[i])[0] = <uint32_t>i + 1
            family.twins[i + 1] = twins[i]
        for i in range(inner.size()):
            at = self.automata.state(inner[i])
            for e in range(at.n_edges):
                edges[e] = at.edges[e]
                edges[e].target = COUNTED | (place[edges[e].target] if place.count(edges[e].target) else 0)
            self.make_state(&family.inner[i], edges, at.n_edges)
        return 0

    cdef bint make_between(self, Family* family) except -1 nogil:
        """Templates of the state between two units, and which of them lead back to it by whole characters.

        False where a byte begins both the unit and what follows.
        """
        cdef const State* unit = &family.inner[0]
        cdef const State* after = self.automata.state(family.after)
        cdef Edge[257] edges
        cdef Loops* loops
        cdef uint32_t i, b
        cdef uint32_t u = 0, a = 0, n = 0
        self.make_state(&family.required, unit.edges, unit.n_edges)
        loops = self.automata.loops_of(&family.required)
        for i in range(8):
            if self.reads_character(family, COUNTED | 1, UTF8[i]):
                loops.loop_utf8 |= <uint8_t>(1 << i)
                self.note_home(family, COUNTED | 1, AFTER_LEAD[i], UTF8[i])
        for i in range(unit.n_edges):
            if unit.edges[i].target == COUNTED:
                for b in range(unit.edges[i].low, min(<uint32_t>unit.edges[i].high, 127) + 1):
                    loops.loop_ascii[b >> 6] |= <uint64_t>1 << (b & 63)
        while u < unit.n_edges or a < after.n_edges:
            if a == after.n_edges or (u < unit.n_edges and unit.edges[u].low < after.edges[a].low):
                edges[n] = unit.edges[u]
                u += 1
            else:
                edges[n] = after.edges[a]
                a += 1
            if n and edges[n].low <= edges[n - 1].high:
                return False
            n += 1
        self.make_state(&family.free, edges, n)
        family.free.accepting = after.accepting
        family.free.loops = loops
        return True

    cdef int make_state(self, State* state, const Edge* edges, uint32_t n) except -1 nogil:
        memset(state, 0, sizeof(State))
        return self.automata.set_edges(state, edges, n)

    cdef bint reads_character(self, const Family* family, uint32_t code, const uint8_t* ranges) noexcept nogil:
        """Whether all byte sequences within the ranges lead from a state to the end of a unit, and not sooner."""
        cdef const State* state
        cdef uint32_t byte = ranges[0]
        cdef uint32_t i
        if byte == 0 or code == COUNTED:
            return byte == 0 and code == COUNTED
        state = &family.inner[(code & ~COUNTED) - 1]
        for i in range(state.n_edges):
            if state.edges[i].high < byte:
                continue
            if state.edges[i].low > byte or not self.reads_character(family, state.edges[i].target, ranges + 2):
                return False
            byte = <uint32_t>state.edges[i].high + 1
            if byte > ranges[1]:
                return True
        return False

    cdef int note_home(self, Family* family, uint32_t code, uint32_t utf8, const uint8_t* ranges) except -1 nogil:
        """Note, in the states that the ranges lead through, that the rest of the character leads to the unit's end."""
        cdef const State* state = &family.inner[(code & ~COUNTED) - 1]
        cdef const Edge* edge
        cdef uint32_t i
        for i in range(state.n_edges):
            edge = &state.edges[i]
            if ranges[0] and edge.high >= ranges[0] and edge.low <= ranges[1] and edge.target != COUNTED:
                self.automata.loops_of(&family.inner[(edge.target & ~COUNTED) - 1]).home[utf8] = COUNTED
                self.note_home(family, edge.target, utf8_rest(utf8), ranges + 2)
        return 0

    # --- levels --------------------------------------------------------------------------------------------------

    cdef uint32_t level(self, uint32_t family, uint32_t required, uint32_t slack) except? 0xFFFFFFFF nogil:
        """The id that a level's states begin with; the caller holds the lock."""
        cdef uint32_t[3] key = [family, required, slack]
        cdef uint32_t known = self.level_keys.find(key, 3)
        cdef const Family* f = self.family(family)
        cdef uint32_t first, _, between
        cdef Level* made
        if known != NONE:
            return COUNTED | self.level_slot[known] << SLOT_BITS
        if required == 0 and slack == 0:
            between = f.after
        elif f.base != family:
            between = self.level_of(self.level(f.base, required, slack)).between
        else:
            between = NONE
        first = self.slots.size
        if first + f.n_slots >= COUNTED >> SLOT_BITS:
            with gil:
                raise MemoryError("stolcke: too many states of counted repeats")
        for _ in range(f.n_slots):
            (<Level*>segments_push(&self.slots)).first = first
        made = <Level*>segments_at(&self.slots, first)
        made.family = family
        made.required = required
        made.slack = slack
        made.between = COUNTED | first << SLOT_BITS if between == NONE else between
        self.level_slot.resize(self.level_keys.count())     # heals what an earlier MemoryError left behind
        self.level_slot.push_back(first)
        self.level_keys.intern(key, 3)
        return COUNTED | first << SLOT_BITS

    cdef int make_next(self, uint32_t state) except -1 nogil:
        """Make the level after that of a state between two units; the caller holds the lock."""
        cdef Level* level = self.level_of(state)
        cdef uint32_t required = level.required
        cdef uint32_t slack = level.slack
        cdef uint32_t next_level
        if required:
            required -= 1
        elif slack != UNBOUNDED:
            slack -= 1
        next_level = self.level(level.family, required, slack)
        level.next_between = self.level_of(next_level).between
        store32(&level.next, next_level)
        return 0

    cdef uint32_t nearest(self, uint32_t state, uint32_t height, bint locked, bint room) except? 0xFFFFFFFF nogil:
        """A state that no token of at most ``height`` bytes can tell from this one, the same for as many as possible.

        Such tokens begin at most so many units.  Where that cannot use up the slack, the state of an endless repeat
        stands for this one, and where it cannot fulfil what is required, that of any larger requirement.  UNMADE where
        the caller must come again with the lock, or where the state is still to be made and there is no room.
        """
        cdef const Level* level = self.level_of(state)
        cdef uint32_t index = self.index_of(state)
        cdef uint32_t required = min(level.required, height)
        cdef uint32_t slack = level.slack
        if slack != UNBOUNDED and required + slack >= height:
            slack = UNBOUNDED
        if required == 0 and slack == UNBOUNDED:
            return self.family(level.family).twins[index]
        if required == level.required and slack == level.slack:
            return state
        if not locked or (not room and not self.has_level(level.family, required, slack)):
            return UNMADE
        return self.level(level.family, required, slack) + index

    cdef bint has_level(self, uint32_t family, uint32_t required, uint32_t slack) noexcept nogil:
        """Whether a level is made already; the caller holds the lock."""
        cdef uint32_t[3] key = [family, required, slack]
        return self.level_keys.find(key, 3) != NONE

    cdef size_t bytes(self) noexcept nogil:
        return (segments_bytes(&self.families) + segments_bytes(&self.slots) + self.family_keys.bytes()
                + self.level_keys.bytes() + 4 * self.level_slot.capacity())
