"""States of the texts of numbers, and ways between them."""

from libc.stdint cimport int32_t
from libcpp.string cimport string
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from stolcke._core.decimals cimport Side, Words
from stolcke._core.minimize cimport Dfa


# The kinds of states.
cdef enum:
    START                            # where nothing has been read
    NEGATIVE                         # after the minus
    LEADING_ZERO                     # side, whether the text may end if zero is allowed
    ZEROS                            # side, the same, zeros after the point
    INTEGER                          # and the next two: side, then as of decimals.pxd
    POINT
    FRACTION
    ZERO_E                           # after zero's ``e``, and its sign, and its digits
    ZERO_SIGN
    ZERO_DIGITS
    ANY_ZERO                         # of texts without any condition
    ANY_INTEGER
    ANY_POINT
    ANY_FRACTION
    E                                # ranges of exponents: a sign or a digit follows
    DIGITS                           # zeros so far or nothing (1 or 0), and ranges: digits of one of them follow
    REST                             # ranges for each number of digits still to come: no zeros before


cdef cppclass Machine:
    # What is found so far, and what all states have in common.
    vector[Words] states
    unordered_map[string, int32_t] numbers
    Dfa raw
    vector[Side] sides
    int32_t n_divisors
    bint negated                     # is one of them?
    bint tells_digits                # does any tell apart more than zero and other digits?
    int32_t most_places
    int32_t fraction                 # digits of one that is not all zeros, and that an exponent follows, at most
    int32_t largest                  # exponent
    int32_t integer_digits           # before the point of a number that has an exponent, at most


cdef int32_t state_number(Machine& machine, const Words& state) except -1
cdef int move(Machine& machine, int32_t first, int32_t last, const Words& target) except -1
cdef int move_digits(Machine& machine, int32_t first, int32_t last, const Words& target) except -1
cdef int move_to_kind(Machine& machine, int32_t first, int32_t last, int32_t kind) except -1
cdef int move_by_e(Machine& machine, const Words& target) except -1
cdef int moves_of_exponent(Machine& machine, const Words& state) except -1
cdef int moves_of_e(Machine& machine, const Words& state) except -1
