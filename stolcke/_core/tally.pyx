"""Tallies: entries in any order, each at most once or as often as one likes, some required, counted.

As rules, ``n`` entries in any order are ``2 ** n`` sets of those that have
occurred.  Here a *state* is such a set together with the numbers of entries
that must and may still come, and states exist only once a text, or a token that
might come next, has led to them.

Two states that allow the same futures should be the same, so a number is
dropped as soon as it follows from the others: a maximum that cannot be reached
any more, a minimum that the missing required entries exceed.
"""

from stolcke._core.containers cimport refill
from stolcke._core.types cimport popcount64


cdef extern from *:
    """
    #define MANY ((int64_t)1 << 40)
    """
    const int64_t MANY                  # more entries than any bound


cdef inline int64_t bound(uint32_t room) noexcept nogil:
    return MANY if room == NONE else <int64_t>room


cdef inline bint possible(const Reach* r, int64_t need, int64_t room, int64_t need_marked,
                          int64_t room_marked) noexcept nogil:
    """Whether some choice of what can come fits between the bounds."""
    cdef int64_t least = max(r.least[1], need_marked)
    cdef int64_t most = min(r.most[1], room_marked)
    return least <= most and max(r.least[0] + least, need) <= min(r.most[0] + most, room)


cdef class TallyTable:
    """The tallies of one grammar, and their states so far.

    Parameters
    ----------
    nonterminals : int32[tallies]
        Nonterminal (from 0) of each tally.
    offsets : int32[tallies + 1]
        Where the entries of each tally begin.
    entries : int32[entries]
        Symbol of each entry: a nonterminal that does not derive the empty text.
    flags : uint8[entries]
        1 for an entry that occurs at most once, 2 for a required one, 4 for a marked one; added up.
    separator_offsets : int32[tallies + 1]
    separators : int32[total]
        Symbols between two entries.
    bounds : int32[4 * tallies]
        For each tally the least and greatest number of entries, and of marked ones; -1 for no greatest.
    """

    def __cinit__(self, const int32_t[::1] nonterminals, const int32_t[::1] offsets, const int32_t[::1] entries,
                  const unsigned char[::1] flags, const int32_t[::1] separator_offsets,
                  const int32_t[::1] separators, const int32_t[::1] bounds):
        cdef Py_ssize_t t, i
        cdef Tally tally
        cdef TallyEntry entry
        cdef uint32_t n_bits
        self.arena = Arena()
        self.states = SequenceTable(self.arena)
        for t in range(separators.shape[0]):
            self.separators.push_back(<uint32_t>separators[t])
        for t in range(nonterminals.shape[0]):
            self.nonterminals.push_back(<uint32_t>nonterminals[t])
            tally.entries = <uint32_t>offsets[t]
            tally.entries_end = <uint32_t>offsets[t + 1]
            tally.separator = <uint32_t>separator_offsets[t]
            tally.separator_end = <uint32_t>separator_offsets[t + 1]
            tally.repeats[0] = tally.repeats[1] = False
            n_bits = 0
            for i in range(offsets[t], offsets[t + 1]):
                entry.symbol = <uint32_t>entries[i]
                entry.once = flags[i] & 1
                entry.required = (flags[i] >> 1) & 1
                entry.marked = (flags[i] >> 2) & 1
                entry.bit = NONE
                if entry.once or entry.required:
                    entry.bit = n_bits
                    n_bits += 1
                if not entry.once:
                    tally.repeats[entry.marked] = True
                self.entries.push_back(entry)
            tally.n_words = (n_bits + 31) // 32
            tally.sets = <uint32_t>self.sets.size()
            self.sets.resize(self.sets.size() + 4 * tally.n_words)
            for i in range(offsets[t], offsets[t + 1]):
                entry = self.entries[i]
                if entry.once:
                    self.put(tally.sets + entry.marked * tally.n_words, entry.bit)
                if entry.required:
                    self.put(tally.sets + (2 + entry.marked) * tally.n_words, entry.bit)
            refill(self.key, SEEN + tally.n_words, 0)
            self.key[TALLY] = <uint32_t>t
            for i in range(4):
                self.key[NEED + i] = NONE if bounds[4 * t + i] < 0 else <uint32_t>bounds[4 * t + i]
            tally.initial = 0
            self.tallies.push_back(tally)
            self.clip()
            self.tallies[t].initial = self.states.intern(self.key.data(), self.key.size())

    cdef void put(self, uint32_t first_word, uint32_t bit) noexcept nogil:
        self.sets[first_word + (bit >> 5)] |= <uint32_t>1 << (bit & 31)

    cdef void reach(self, const uint32_t* state, Reach* out) noexcept nogil:
        """Count what can come after a state."""
        cdef const Tally* t = &self.tallies[state[TALLY]]
        cdef const uint32_t* row = self.sets.data() + t.sets
        cdef uint32_t i, marked, missing
        for marked in range(2):
            out.least[marked] = 0
            out.most[marked] = MANY if t.repeats[marked] else 0
            for i in range(t.n_words):
                missing = ~state[SEEN + i]
                out.least[marked] += popcount64(row[(2 + marked) * t.n_words + i] & missing)
                out.most[marked] += popcount64(row[marked * t.n_words + i] & missing)

    cdef void clip(self) noexcept nogil:
        """Drop from the state being made what follows from the rest of it."""
        cdef Reach r
        cdef uint32_t* k = self.key.data()
        self.reach(k, &r)
        # One after the other: each may rest on those that are still there, not on those that rested on it.
        if bound(k[ROOM_MARKED]) >= r.most[1]:
            k[ROOM_MARKED] = NONE
        if bound(k[ROOM]) >= r.most[0] + min(r.most[1], bound(k[ROOM_MARKED])):
            k[ROOM] = NONE
        if bound(k[ROOM_MARKED]) >= bound(k[ROOM]) - r.least[0]:
            k[ROOM_MARKED] = NONE
        if k[NEED_MARKED] <= r.least[1]:
            k[NEED_MARKED] = 0
        if k[NEED] <= r.least[0] + max(r.least[1], <int64_t>k[NEED_MARKED]):
            k[NEED] = 0

    cdef bint complete(self, uint32_t state) noexcept nogil:
        """Whether nothing need come any more."""
        cdef Reach r
        cdef const uint32_t* s = self.states.words(state)
        self.reach(s, &r)
        return s[NEED] == 0 and s[NEED_MARKED] == 0 and r.least[0] == 0 and r.least[1] == 0

    cdef bint continues(self, uint32_t state) noexcept nogil:
        """Whether one more entry can come, so that the rest can be completed."""
        cdef Reach r
        cdef const uint32_t* s = self.states.words(state)
        self.reach(s, &r)
        return possible(&r, max(s[NEED], <uint32_t>1), bound(s[ROOM]), s[NEED_MARKED], bound(s[ROOM_MARKED]))

    cdef int usable(self, uint32_t state, vector[uint32_t]& entries) except -1 nogil:
        """Collect the entries that can come next, so that the rest can be completed, ascending."""
        cdef const uint32_t* s = self.states.words(state)
        cdef const Tally* t = &self.tallies[s[TALLY]]
        cdef const TallyEntry* e
        cdef Reach r, now
        cdef char known[8]              # by kind of entry: 0 not known yet, 1 no, 2 yes
        cdef bint seen, required
        cdef uint32_t i, kind
        entries.clear()
        for kind in range(8):
            known[kind] = 0
        self.reach(s, &now)
        for i in range(t.entries, t.entries_end):
            e = &self.entries[i]
            seen = e.bit != NONE and (s[SEEN + (e.bit >> 5)] >> (e.bit & 31)) & 1
            if seen and e.once:
                continue
            required = e.required and not seen
            kind = <uint32_t>e.once | <uint32_t>required << 1 | <uint32_t>e.marked << 2
            if not known[kind]:
                r = now
                r.least[e.marked] -= required
                r.most[e.marked] -= e.once and r.most[e.marked] < MANY
                known[kind] = 1 + possible(
                    &r, <int64_t>s[NEED] - 1, bound(s[ROOM]) - 1,
                    <int64_t>s[NEED_MARKED] - e.marked, bound(s[ROOM_MARKED]) - e.marked)
            if known[kind] == 2:
                entries.push_back(i)
        return 0

    cdef uint32_t after(self, uint32_t state, uint32_t entry) except? 0xFFFFFFFF nogil:
        """The state after a usable entry."""
        cdef const uint32_t* s = self.states.words(state)
        cdef const TallyEntry* e = &self.entries[entry]
        self.key.assign(s, s + self.states.length(state))
        self.key[NEED] -= self.key[NEED] > 0
        self.key[ROOM] -= self.key[ROOM] != NONE
        self.key[NEED_MARKED] -= e.marked and self.key[NEED_MARKED] > 0
        self.key[ROOM_MARKED] -= e.marked and self.key[ROOM_MARKED] != NONE
        if e.bit != NONE:
            self.key[SEEN + (e.bit >> 5)] |= <uint32_t>1 << (e.bit & 31)
        self.clip()
        return self.states.intern(self.key.data(), self.key.size())

    @property
    def n_states(self):
        return self.states.count()

    def describe(self, uint32_t state):
        """A state: its tally, the symbols of entries it has seen, and the numbers that must and may still come."""
        cdef const uint32_t* s
        cdef const Tally* t
        cdef uint32_t i, bit
        if state >= self.states.count():
            raise IndexError(state)
        s = self.states.words(state)
        t = &self.tallies[s[TALLY]]
        seen = []
        for i in range(t.entries, t.entries_end):
            bit = self.entries[i].bit
            if bit != NONE and (s[SEEN + (bit >> 5)] >> (bit & 31)) & 1:
                seen.append(self.entries[i].symbol)
        rooms = [None if s[i] == NONE else s[i] for i in (ROOM, ROOM_MARKED)]
        return s[TALLY], seen, (s[NEED], rooms[0], s[NEED_MARKED], rooms[1])

    cdef size_t bytes(self) noexcept nogil:
        return (sizeof(Tally) * self.tallies.capacity() + sizeof(TallyEntry) * self.entries.capacity()
                + 4 * (self.nonterminals.capacity() + self.separators.capacity() + self.sets.capacity())
                + self.arena.bytes + self.states.bytes())
