"""The vocabulary's trie laid out in preorder, for walks that meet every node."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libcpp.vector cimport vector


cdef enum:
    LONG = 96                           # bytes: the weights of so many need no logarithms yet


cdef class FlatTrie:
    cdef const uint8_t[::1] label       # by node: the byte that leads there,
    cdef const uint16_t[::1] depth      # how many there are,
    cdef vector[uint32_t] begin         # the tokens that end there, order[begin[i]:begin[i + 1]],
    cdef vector[uint32_t] after         # and the next node that is not below it
    cdef const uint32_t[::1] order
    cdef vector[uint32_t] long_tokens   # of more bytes than LONG
