"""Log-probabilities of all tokens of a vocabulary in a weighted live state."""

from libc.stdint cimport uint32_t, uint64_t
from libcpp.memory cimport shared_ptr
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.engine cimport Engine
from stolcke._core.flat_trie cimport FlatTrie
from stolcke._core.partition cimport PartitionStore
from stolcke._core.storage cimport IdMap
from stolcke._core.trie cimport TokenTrie
from stolcke._core.weighted_engine cimport WeightedEngine


cdef struct Rest:                       # what is left of tokens after a terminal has ended within them
    uint32_t node                       # of the vocabulary's trie: those below it
    double weight                       # of these bytes and of ending


cdef struct Scored:
    uint32_t token
    double weight


cdef struct Bundle:                     # rests that occur together
    uint32_t rests                      # rests[rests:rests_end]
    uint32_t rests_end
    uint32_t height                     # bytes of the longest way down


cdef struct WeightedSplit:              # what a terminal does to a bundle
    uint32_t inside                     # scored[inside:inside_end]: tokens that stay within it
    uint32_t inside_end
    uint32_t wide                       # instead of these, where they are many; else NONE
    uint32_t bundle                     # of those that leave it, NONE where none does


cdef extern from *:
    """
    #ifndef STOLCKE_SCORES
    #define STOLCKE_SCORES
    #include <stdint.h>
    #include <vector>
    struct Wide {                       /* tokens that stay inside a terminal, where they are many */
        std::vector<uint32_t> group;    /* by token; those of group 0 do not stay inside */
        std::vector<double> value;      /* weight by group */
        std::vector<float> logs;        /* by token */
        double total;                   /* of all tokens' weights */
    };
    struct Scores {                     /* of all tokens in one state */
        const Wide *wide;               /* most tokens are as there, NULL if most are impossible ... */
        double shift;                   /* ... but for a factor, of which this is the logarithm */
        std::vector<uint32_t> tokens;   /* the others */
        std::vector<float> logs;
        std::vector<float> all;         /* of all tokens, where they are best written out; the above is empty then */
        double log_total;               /* of all tokens' probabilities */
    };
    #endif
    """
    cppclass Wide:
        vector[uint32_t] group
        vector[double] value
        vector[float] logs
        double total
    cppclass Scores:
        const Wide* wide
        double shift
        vector[uint32_t] tokens
        vector[float] logs
        vector[float] all
        double log_total


cdef struct Task:                       # a bundle that is to be matched from a column on
    uint32_t bundle
    uint32_t column
    double scale


cdef class TokenScores:
    cdef readonly WeightedEngine live
    cdef Engine engine
    cdef PartitionStore store
    cdef TokenTrie trie
    cdef FlatTrie flat
    cdef bint memoise
    cdef frozenset end_tokens
    cdef vector[uint32_t] ends
    cdef vector[Rest] rests
    cdef vector[Scored] scored
    cdef vector[Bundle] bundles         # bundle 0 is the whole vocabulary
    cdef unordered_map[uint64_t, uint32_t] source_of        # distribution << 32 | state -> number
    cdef IdMap split_of                 # bundle << 32 | source -> split
    cdef vector[WeightedSplit] splits
    cdef vector[Wide*] wides
    cdef vector[shared_ptr[Scores]] known               # by state, empty where they are not there
    cdef size_t known_bytes
    cdef dict layouts, compacts
    cdef uint64_t compact_bytes         # of either, an array in both counted twice at most; under Python's lock
    cdef readonly uint64_t n_scores, visited

    # scratch
    cdef vector[double] sums            # by token
    cdef vector[uint32_t] touched
    cdef vector[Task] tasks
    cdef vector[Scored] inside
    cdef vector[Rest] leaving
    cdef vector[uint32_t] state_at      # by depth: of the way to the node that is looked at,
    cdef vector[double] weight_at       # and its weight
    cdef vector[uint32_t] mixed         # wide splits met, and their factors
    cdef vector[double] factors

    cdef shared_ptr[Scores] scores(self, uint32_t state) except *
    cdef int compute(self, uint32_t state, Scores* out) except -1 nogil
    cdef int give_specials(self, uint32_t column, double scale) except -1 nogil
    cdef int score_long(self, uint32_t state, Scores* out, double* total) except -1 nogil
    cdef int keep(self, uint32_t state, shared_ptr[Scores] made) except -1 nogil
    cdef layout(self, const Wide* wide, tokens, n_groups)
    cdef double write_out(self, Scores* out) except -1 nogil
    cdef void write(self, const Scores* scores, float* row, size_t n, double normal) noexcept nogil
    cdef int fill(self, uint32_t state, float* row, size_t n, bint normalize) except -1
    cdef int give(self, uint32_t split, double scale) except -1 nogil
    cdef int give_token(self, uint32_t token, double mass) except -1 nogil
    cdef int ask(self, uint32_t bundle, uint32_t column, double scale) except -1 nogil
    cdef int drain(self) except -1 nogil
    cdef int finish(self, uint32_t state, Scores* out) except -1 nogil
    cdef uint32_t split(self, uint32_t bundle, uint32_t terminal, uint32_t state) except? 0xFFFFFFFF nogil
    cdef int walk(self, const Rest& start, uint32_t terminal, uint32_t state) except -1 nogil
    cdef uint32_t keep_bundle(self) except? 0xFFFFFFFF nogil
    cdef int widen(self) except -1 nogil
    cdef size_t own_bytes(self) noexcept nogil
