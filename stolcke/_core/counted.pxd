"""States of terminals with counted repeats: made when they are reached, shared by all counts."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.automata cimport AutomatonStore, Edge, State, state_next
from stolcke._core.storage cimport Arena, Segments, SequenceTable, segments_at
from stolcke._core.types cimport NONE, load32


cdef extern from *:
    """
    #define COUNTED 0x80000000u
    #define UNMADE COUNTED
    #define UNBOUNDED 0xFFFFFFFFu
    """
    const uint32_t COUNTED              # ids from here on are counted states, those below are explicit ones
    const uint32_t UNMADE               # result of a step to a level that does not exist yet
    const uint32_t UNBOUNDED            # slack without end


cdef enum:
    OF_UNIT = 0                         # kinds of families
    OF_PREFIX = 1
    SLOT_BITS = 5                       # a slot is a level's share of ids; large families take several


cdef struct Family:
    # A machine that is a prefix code, and what follows each of its words.  Of a repeated unit: as many more of them as
    # the level says, then ``after``.  Of what stands before the repeat: the repeat of ``base``.
    #
    # The templates are what all levels' states have in common.  A target is an explicit state's id, or COUNTED + the
    # index of a state: 0 where a word has ended, so that the text is between two units, and i + 1 for inner[i].
    State* inner                        # within a word
    uint32_t n_inner
    State required                      # between two units (only of a unit): the repeat must go on ...
    State free                          # ... or may go on, or end
    uint32_t base                       # the unit's family; of a unit, itself
    uint32_t after                      # explicit state that follows the last unit
    uint32_t n_slots                    # of each level
    uint32_t* twins                     # by index: the explicit state of equal language where slack has no end
    uint32_t start                      # explicit state that inner was found from


cdef struct Level:
    # One place in a repeat: this many units must come after the present one, and this many more may.
    uint32_t family
    uint32_t required
    uint32_t slack
    uint32_t first                      # first slot of the level
    uint32_t between                    # state in which a unit of this level ends
    uint32_t next                       # id that the next level's begin with; 0 until it is made
    uint32_t next_between


cdef class CountedStore:
    cdef Arena arena
    cdef AutomatonStore automata
    cdef SequenceTable family_keys
    cdef Segments families              # Family each
    cdef SequenceTable level_keys
    cdef vector[uint32_t] level_slot    # by level
    cdef Segments slots                 # Level each; slot 0 is none, so that UNMADE is no state
    cdef const char* reason             # of the last refusal

    cdef uint32_t add(self, uint32_t before, uint32_t unit, uint32_t after, uint32_t unbounded, uint32_t least,
                      uint32_t most) except? 0xFFFFFFFF nogil
    cdef uint32_t refuse(self, const char* reason) noexcept nogil
    cdef uint32_t unit_family(self, uint32_t unit, uint32_t after, uint32_t unbounded) except? 0xFFFFFFFF nogil
    cdef uint32_t prefix_family(self, uint32_t before, uint32_t base, uint32_t unbounded) except? 0xFFFFFFFF nogil
    cdef uint32_t explore(self, uint32_t start, uint32_t twin, vector[uint32_t]& inner,
                          vector[uint32_t]& twins) except? 0xFFFFFFFF nogil
    cdef int make_inner(self, Family* family, vector[uint32_t]& inner, vector[uint32_t]& twins) except -1 nogil
    cdef int make_state(self, State* state, const Edge* edges, uint32_t n) except -1 nogil
    cdef bint make_between(self, Family* family) except -1 nogil
    cdef bint reads_character(self, const Family* family, uint32_t code, const uint8_t* ranges) noexcept nogil
    cdef int note_home(self, Family* family, uint32_t code, uint32_t utf8, const uint8_t* ranges) except -1 nogil
    cdef uint32_t intern_family(self, const Family* family, const uint32_t* key) except? 0xFFFFFFFF nogil
    cdef uint32_t level(self, uint32_t family, uint32_t required, uint32_t slack) except? 0xFFFFFFFF nogil
    cdef int make_next(self, uint32_t state) except -1 nogil
    cdef uint32_t nearest(self, uint32_t state, uint32_t height, bint locked,
                          bint room) except? 0xFFFFFFFF nogil
    cdef bint has_level(self, uint32_t family, uint32_t required, uint32_t slack) noexcept nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline const Family* family(self, uint32_t index) noexcept nogil:
        return <const Family*>segments_at(&self.families, index)

    cdef inline Level* level_of(self, uint32_t state) noexcept nogil:
        cdef Level* slot = <Level*>segments_at(&self.slots, (state & ~COUNTED) >> SLOT_BITS)
        return <Level*>segments_at(&self.slots, slot.first)

    cdef inline uint32_t index_of(self, uint32_t state) noexcept nogil:
        """Which state of its level it is: 0 between two units."""
        return (state & ~COUNTED) - (self.level_of(state).first << SLOT_BITS)

    cdef inline uint32_t units_left(self, uint32_t state) noexcept nogil:
        """How many more units may begin, or UNBOUNDED."""
        cdef const Level* level = self.level_of(state)
        return UNBOUNDED if level.slack == UNBOUNDED else level.required + level.slack

    cdef inline const State* template(self, uint32_t state) noexcept nogil:
        cdef const Level* level = self.level_of(state)
        cdef const Family* family = self.family(level.family)
        cdef uint32_t index = (state & ~COUNTED) - (level.first << SLOT_BITS)
        if index:
            return &family.inner[index - 1]
        return &family.required if level.required else &family.free

    cdef inline bint has_state(self, uint32_t family, uint32_t index, uint32_t required,
                               uint32_t slack) noexcept nogil:
        cdef const Family* f = self.family(family)
        if required >= COUNTED or (slack != UNBOUNDED and slack >= COUNTED) or index > f.n_inner:
            return False
        return index > 0 or (f.base == family and (required or slack))

    cdef inline const State* between(self, uint32_t state) noexcept nogil:
        """The template of the state between two units of the same level."""
        cdef const Level* level = self.level_of(state)
        cdef const Family* unit = self.family(self.family(level.family).base)
        return &unit.required if level.required else &unit.free

    cdef inline bint may_end_within(self, uint32_t state) noexcept nogil:
        """Whether the terminal may end between two units, because nothing need follow the last."""
        return self.automata.state(self.family(self.level_of(state).family).after).accepting

    cdef inline uint32_t next(self, uint32_t state, uint32_t byte) noexcept nogil:
        """The state that a byte leads to, NONE, or UNMADE: then :meth:`make_next` is due, under the lock."""
        cdef Level* level = self.level_of(state)
        cdef uint32_t target = state_next(self.template(state), byte)
        cdef uint32_t next_level
        if target < COUNTED or target == NONE:
            return target
        target &= ~COUNTED
        if (state & ~COUNTED) != level.first << SLOT_BITS:
            return level.between if target == 0 else (COUNTED | level.first << SLOT_BITS) + target
        next_level = load32(&level.next)
        if next_level == 0:
            return UNMADE
        return level.next_between if target == 0 else next_level + target
