"""How many units of a counted repeat each token needs, and partitions made from that."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.split cimport Splitter
from stolcke._core.storage cimport IdMap, Segments, segments_at


cdef struct End:
    # A token that ends, or a place where some leave, behind the repeat.
    uint32_t units                      # of the repeat that were complete
    uint32_t value                      # the token; or the suffix trie of what remains


cdef struct Profile:
    const uint16_t* needed              # by token: units that it begins if it ends within the repeat, else NEVER
    const End* ends                     # tokens that end behind the repeat, by units
    uint32_t n_ends
    const End* exits                    # suffix tries of those that leave, by units, one each
    uint32_t n_exits
    const uint32_t* counts              # every number of units that occurs in these, ascending
    uint32_t n_counts


cdef class ProfileStore:
    cdef IdMap known                    # family << 32 | index of a state in it -> profile
    cdef Segments profiles              # Profile each

    # What the last split() found.
    cdef vector[uint64_t] row           # the tokens inside, as bits
    cdef vector[uint32_t] residues      # suffix tries, ascending, whose union remains

    cdef uint32_t find(self, Splitter splitter, uint32_t state) except? 0xFFFFFFFF nogil
    cdef int build(self, Splitter splitter, Profile* profile, uint32_t state) except -1 nogil
    cdef int count(self, const uint16_t* needed, size_t n, const vector[End]& ends, const vector[End]& exits,
                   vector[uint32_t]& counts) except -1 nogil
    cdef void narrow(self, const Profile* profile, uint32_t* least, uint32_t* most) noexcept nogil
    cdef int split(self, const Profile* profile, uint32_t least, uint32_t most, size_t n_words) except -1 nogil
    cdef size_t bytes(self) noexcept nogil

    cdef inline const Profile* at(self, uint32_t index) noexcept nogil:
        return <const Profile*>segments_at(&self.profiles, index)
