"""How many units of a counted repeat each token needs, and partitions made from that.

A string with room for five more characters allows the tokens that a string
without limit does, but for those that are too long.  So the vocabulary is walked
once, with an endless repeat, and each token's number of units is noted: its
*profile*.  From it the partition of every level is a comparison for each token,
sixteen at a time, and a union of the residues of those that may leave.

This holds as long as no token can leave *within* the repeat, where being inside
or not depends on the level: what follows the repeat must not be empty.
"""

from libc.string cimport memcpy, memset
from libcpp.algorithm cimport sort

from stolcke._core.containers cimport refill
from stolcke._core.split cimport Measured
from stolcke._core.storage cimport (
    idmap_bytes, idmap_find, idmap_free, idmap_init, idmap_put, segments_bytes, segments_free, segments_init,
    segments_push,
)
from stolcke._core.counted cimport UNBOUNDED, Level
from stolcke._core.types cimport NONE


cdef extern from *:
    """
    #include <algorithm>
    #include <stddef.h>
    #include <vector>
    #if defined(__SSE2__)
    #include <emmintrin.h>
    #endif
    /* Bit i of a row: whether values[i] <= most, for 64 values a word. */
    static void bits_up_to(const uint16_t *values, size_t n_words, uint16_t most, uint64_t *row) {
        for (size_t w = 0; w < n_words; w++, values += 64) {
            uint64_t bits = 0;
    #if defined(__SSE2__)
            const __m128i top = _mm_set1_epi16((short)most), zero = _mm_setzero_si128();
            for (int k = 0; k < 4; k++) {
                const __m128i *at = (const __m128i *)values + 2 * k;
                __m128i a = _mm_cmpeq_epi16(_mm_subs_epu16(_mm_loadu_si128(at), top), zero);
                __m128i b = _mm_cmpeq_epi16(_mm_subs_epu16(_mm_loadu_si128(at + 1), top), zero);
                bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(a, b)) << (16 * k);
            }
    #else
            for (int k = 0; k < 64; k++) bits |= (uint64_t)(values[k] <= most) << k;
    #endif
            row[w] = bits;
        }
    }
    template <class E> static void sort_ends(std::vector<E>& v) {
        std::sort(v.begin(), v.end(), [](const E& a, const E& b) {
            return a.units != b.units ? a.units < b.units : a.value < b.value;
        });
    }
    """
    void bits_up_to(const uint16_t* values, size_t n_words, uint16_t most, uint64_t* row) noexcept nogil
    void sort_ends(vector[End]& v) noexcept nogil


cdef enum:
    NEVER = 0xFFFF                      # more units than any token begins


cdef void* keep(Splitter splitter, const void* data, size_t size) except NULL nogil:
    cdef void* kept = splitter.arena.take(size + 1)
    memcpy(kept, data, size)
    return kept


cdef class ProfileStore:

    def __cinit__(self):
        segments_init(&self.profiles, sizeof(Profile))
        idmap_init(&self.known, 4)

    def __dealloc__(self):
        idmap_free(&self.known)
        segments_free(&self.profiles)

    cdef uint32_t find(self, Splitter splitter, uint32_t state) except? 0xFFFFFFFF nogil:
        """The profile of a counted state's index in its family; the caller holds the lock."""
        cdef const Level* level = splitter.counted.level_of(state)
        cdef uint32_t index = splitter.counted.index_of(state)
        cdef uint64_t key = <uint64_t>level.family << 32 | index
        cdef uint32_t known = idmap_find(&self.known, key)
        cdef Profile made
        if known != NONE:
            return known
        self.build(splitter, &made, splitter.counted.level(level.family, 0, UNBOUNDED) + index)
        (<Profile*>segments_push(&self.profiles))[0] = made
        idmap_put(&self.known, key, self.profiles.size - 1)
        return self.profiles.size - 1

    cdef int build(self, Splitter splitter, Profile* profile, uint32_t state) except -1 nogil:
        cdef vector[End] ends, exits
        cdef vector[uint32_t] counts
        cdef End end
        cdef Measured found
        cdef size_t n = (<size_t>splitter.n_tokens + 63) // 64 * 64
        cdef size_t i
        cdef uint32_t k
        cdef uint16_t* needed = <uint16_t*>splitter.arena.take(n * 2 + 1)
        memset(needed, 0xFF, n * 2)
        splitter.walk(0, state, True)
        for i in range(splitter.measured.size()):
            found = splitter.measured[i]
            for k in range(found.below, found.below_end):
                if found.within:
                    needed[splitter.trie.sorted_tokens[k]] = <uint16_t>(
                        found.units + splitter.trie.characters[k] - found.begun)
                else:
                    end.units = found.units
                    end.value = splitter.trie.sorted_tokens[k]
                    ends.push_back(end)
        sort_ends(ends)
        # Visits where the terminal may end, by the units before; then of each group the one trie of what remains.
        for i in range(1, splitter.visits.size()):
            if splitter.visits[i].leaves and splitter.state(splitter.visits[i].state).accepting:
                end.units = splitter.visits[i].units
                end.value = <uint32_t>i
                exits.push_back(end)
        sort_ends(exits)
        splitter.clear_merging()
        k = 0
        for i in range(exits.size()):
            splitter.add_visit(exits[i].value)
            if i + 1 == exits.size() or exits[i + 1].units != exits[i].units:
                exits[k].units = exits[i].units
                exits[k].value = splitter.merge(0, splitter.elements.size())
                splitter.elements.clear()
                k += 1
        exits.resize(k)
        self.count(needed, n, ends, exits, counts)
        profile.needed = needed
        profile.n_ends = <uint32_t>ends.size()
        profile.ends = <End*>keep(splitter, ends.data(), ends.size() * sizeof(End))
        profile.n_exits = <uint32_t>exits.size()
        profile.exits = <End*>keep(splitter, exits.data(), exits.size() * sizeof(End))
        profile.n_counts = <uint32_t>counts.size()
        profile.counts = <uint32_t*>keep(splitter, counts.data(), counts.size() * 4)
        return 0

    cdef int count(self, const uint16_t* needed, size_t n, const vector[End]& ends, const vector[End]& exits,
                   vector[uint32_t]& counts) except -1 nogil:
        """Every number of units that occurs."""
        cdef vector[char] occurs
        cdef size_t i
        refill(occurs, NEVER + 1, 0)
        for i in range(n):
            occurs[needed[i]] = 1
        for i in range(ends.size()):
            occurs[ends[i].units] = 1
        for i in range(exits.size()):
            occurs[exits[i].units] = 1
        for i in range(NEVER):
            if occurs[i]:
                counts.push_back(<uint32_t>i)
        return 0

    cdef void narrow(self, const Profile* profile, uint32_t* least, uint32_t* most) noexcept nogil:
        """Replace bounds by the nearest ones that mean the same; NEVER where nothing is within one."""
        cdef uint32_t i, nearest = NEVER
        for i in range(profile.n_counts):
            if profile.counts[i] > most[0]:
                break
            nearest = profile.counts[i]
        most[0] = nearest
        nearest = NEVER
        for i in range(profile.n_ends):
            if profile.ends[i].units >= least[0]:
                nearest = profile.ends[i].units
                break
        for i in range(profile.n_exits):
            if profile.exits[i].units >= least[0]:
                nearest = min(nearest, profile.exits[i].units)
                break
        least[0] = nearest

    cdef int split(self, const Profile* profile, uint32_t least, uint32_t most, size_t n_words) except -1 nogil:
        """Find what is inside and what remains where the repeat may have from ``least`` to ``most`` more units."""
        cdef size_t i
        cdef uint32_t token
        self.row.resize(n_words)
        self.residues.clear()
        if most == NEVER:
            memset(self.row.data(), 0, n_words * 8)
            return 0
        bits_up_to(profile.needed, n_words, <uint16_t>most, self.row.data())
        for i in range(profile.n_ends):
            if least <= profile.ends[i].units <= most:
                token = profile.ends[i].value
                self.row[token >> 6] |= <uint64_t>1 << (token & 63)
        for i in range(profile.n_exits):
            if least <= profile.exits[i].units <= most:
                self.residues.push_back(profile.exits[i].value)
        sort(self.residues.begin(), self.residues.end())
        return 0

    cdef size_t bytes(self) noexcept nogil:
        return segments_bytes(&self.profiles) + idmap_bytes(&self.known) + 8 * self.row.capacity()
