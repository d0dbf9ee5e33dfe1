"""Threads that share work without Python's lock."""

from libcpp cimport bool as cbool
from libcpp.atomic cimport atomic


cdef extern from "crew.hpp" namespace "stolcke" nogil:
    cdef cppclass Job:
        void* owner
        size_t pieces
        atomic[cbool] dropped
        size_t take() noexcept

    cdef cppclass Team "stolcke::Crew":
        Team() except +
        void post(Job* job, unsigned int most) except +
        Job* take() noexcept
        void leave(Job* job) noexcept
        bint reclaim(Job* job, unsigned int milliseconds) noexcept
        bint is_free(const Job* job) noexcept
        bint is_closing() noexcept
        void close() noexcept


cdef struct Place:                      # of one thread within a job
    Job* job                            # NULL: none
    size_t task                         # it goes on here ...
    size_t end                          # ... and takes another piece there
    Team* team                          # of a worker, who stops when it closes; NULL for the job's owner


cdef class Crew:
    cdef Team* team
    cdef Py_ssize_t n_threads           # started, or about to be
    cdef list threads
    cdef dict offered                   # id -> Work that workers may have
    cdef bint closed
    cdef object __weakref__

    cdef int serve(self, Place* at) except -1 nogil
    cdef int offer(self, Work work, Py_ssize_t most) except -1


cdef class Work:
    cdef Job job
    cdef Crew crew                      # that it was offered to
    cdef Team* team                     # of this crew at that time: a fork leaves it behind
    cdef bint is_posted                 # workers may have it ...
    cdef bint is_alone                  # ... and none has it any more

    cdef int run(self, Place* at) except -1 nogil
    cdef int note(self, Place* at, error) except -1
    cdef int finish(self) except -1
    cdef bint is_shared(self) noexcept
