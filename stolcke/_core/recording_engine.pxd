"""An engine under a guard that also reads what is written between the terminals it watches."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from stolcke._core.guarded_engine cimport Arrival, GuardedEngine
from stolcke._core.storage cimport IdMap


cdef struct Letter:                     # a text: its last byte, and the text before; 0 is the empty one
    uint32_t before
    uint8_t byte


cdef struct Account:                    # a guard's state, and what has been written since
    uint32_t state
    uint32_t text


cdef struct Origin:                     # a place, and what has been written since the guard's state there began
    uint32_t place
    uint32_t text


cdef class RecordingEngine(GuardedEngine):
    cdef vector[char] may_refuse        # by terminal
    cdef vector[char] is_shadow         # by variant
    cdef uint32_t nothing               # the empty insertion
    cdef vector[Letter] letters
    cdef IdMap letter_of                # text << 8 | byte -> text
    cdef vector[Account] accounts
    cdef IdMap account_of               # state << 32 | text -> account
    cdef vector[Origin] origins
    cdef IdMap origin_of                # place << 32 | text -> origin
    cdef IdMap verdicts                 # account << 32 | variant, ONLY_WHETHER or not -> one of readings, or whether
    cdef bint all_sure                  # a bound takes every state that records for safe
    cdef bint only_whether              # a walk asks whether a text is refused, not what comes of it
    cdef uint64_t n_walked              # tokens, one by one

    # scratch
    cdef vector[uint32_t] sure, possible, doubtful, allowed, beyond

    cdef uint32_t text(self, uint32_t before, uint32_t byte) except? 0xFFFFFFFF nogil
    cdef uint32_t account(self, uint32_t state, uint32_t text) except? 0xFFFFFFFF nogil
    cdef uint32_t origin(self, uint32_t place, uint32_t text) except? 0xFFFFFFFF nogil
    cdef uint32_t after(self, uint32_t origin, uint32_t byte) except? 0xFFFFFFFF nogil
    cdef bint shadow(self, uint32_t variant) noexcept nogil
    cdef bint answer(self, uint64_t key, bint allowed, uint32_t state) except -1 nogil
    cdef uint32_t verdict(self, uint64_t account, uint32_t variant) except? 0xFFFFFFFF nogil
    cdef bint arrived(self, uint32_t origin, uint32_t variant, Arrival* a) except -1 nogil
    cdef uint32_t bounding(self, uint32_t place, uint32_t text) except? 0xFFFFFFFF nogil
    cdef int find_doubtful(self) except -1 nogil
    cdef bint is_safe_after_one(self, uint32_t state, uint32_t token, char* first) except -1 nogil
    cdef int write_row(self, vector[uint32_t]& parts) except -1 nogil
    cdef bint walk(self, uint32_t state, uint32_t token, bint only_whether, bint only_one) except -1 nogil
    cdef bint is_safe(self) except -1 nogil
    cdef bint stands(self) noexcept nogil
    cdef bytes spelled(self, uint32_t text)
