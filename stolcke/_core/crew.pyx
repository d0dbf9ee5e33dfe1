"""Threads that share work without Python's lock.

The workers are threads of Python, so that what they compute may raise errors
and call guards; but they sleep, wake and compute without its lock, and take it
only for an error.

A process may fork, or end, at any time.  The child of a fork has no workers,
and what they shared with others may be locked for ever: it is left behind, and
the crew begins anew.  Before the interpreter ends, all crews are closed.
"""

import atexit
import os
import threading
import weakref

from cpython.exc cimport PyErr_CheckSignals


cdef enum:
    PATIENCE = 50                       # milliseconds between two looks for signals while one waits

_all = weakref.WeakSet()


cdef class Crew:
    """Workers, started when there is work for them, and at most as many as were ever asked for."""

    def __cinit__(self):
        self.team = new Team()
        self.threads = []
        self.offered = {}
        _all.add(self)

    def __dealloc__(self):
        del self.team                   # each worker holds the crew, so there is none

    @property
    def size(self):
        """How many workers there are."""
        return self.n_threads

    def work(self):
        """What a worker does until the crew is closed."""
        cdef Place at
        at.job = NULL
        at.team = self.team
        while True:
            try:
                with nogil:
                    self.serve(&at)
                return
            except BaseException as error:
                try:
                    (<Work>at.job.owner).note(&at, error)
                except BaseException:
                    # The owner sees what was not done; it must not wait for ever.
                    at.team.leave(at.job)
                    at.job = NULL

    cdef int serve(self, Place* at) except -1 nogil:
        while True:
            if at.job == NULL:
                at.job = at.team.take()
                if at.job == NULL:
                    return 0
                at.task = at.end = 0
            (<Work>at.job.owner).run(at)
            at.team.leave(at.job)
            at.job = NULL

    cdef int offer(self, Work work, Py_ssize_t most) except -1:
        """Let so many workers at most take part in some work; fewer, or none, where no thread can be started."""
        cdef Work other
        while self.n_threads < most and not self.closed:
            self.n_threads += 1         # before the lock is released, so that nobody starts one more
            thread = threading.Thread(target=self.work, name=f"stolcke-{self.n_threads}", daemon=True)
            try:
                thread.start()
            except RuntimeError:        # can't start new thread
                self.n_threads -= 1
                break
            self.threads.append(thread)
        if self.closed or self.n_threads == 0 or most <= 0:
            return 0
        for other in list(self.offered.values()):       # whose owners have forgotten them
            if other.is_posted and self.team.is_free(&other.job):
                self.offered.pop(id(other), None)
        work.crew = self
        work.team = self.team
        work.job.owner = <void*>work
        self.offered[id(work)] = work                   # before any worker has it
        try:
            self.team.post(&work.job, <unsigned int>most)
        except MemoryError:
            self.offered.pop(id(work), None)
            raise
        work.is_posted = True
        return 0

    def stop(self):
        """Tell the workers to end, once they have finished the row under way; what they leave, its owner does."""
        self.closed = True
        self.team.close()

    def close(self):
        """The same, and wait until they have ended."""
        self.stop()
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join()
        self.threads.clear()
        self.offered.clear()

    def _begin_anew(self):
        """In the child of a fork: no thread is there, and the locks are as the others left them."""
        self.team = new Team()          # the old one is not freed: it may be locked
        self.n_threads = 0
        self.threads = []
        self.offered = {}


cdef class Work:
    """Tasks in pieces, done by whoever takes them: workers, and the owner once it waits."""

    cdef int run(self, Place* at) except -1 nogil:
        """Do pieces until none is left; after an error, and :meth:`note`, go on with ``at`` as it is."""
        return 0

    cdef int note(self, Place* at, error) except -1:
        """Keep what went wrong with the task under way."""
        return 0

    cdef int finish(self) except -1:
        """Do what nobody has taken yet, and wait for those who have taken something.

        Whether every task was done, its ``run`` must know: workers that were closed, or that a fork left behind, have
        not done all that they took.  An interrupt stops everybody, and is raised.
        """
        cdef Place at
        cdef bint free = False
        at.job = &self.job
        at.task = at.end = 0
        at.team = NULL
        try:
            while True:
                try:
                    with nogil:
                        self.run(&at)
                    break
                except Exception as error:
                    self.note(&at, error)
            while not free and self.is_shared():
                with nogil:
                    free = self.team.reclaim(&self.job, PATIENCE)
                PyErr_CheckSignals()
        except BaseException:
            self.job.dropped.store(True)
            while not free and self.is_shared():
                with nogil:
                    free = self.team.reclaim(&self.job, PATIENCE)
            raise
        if self.is_shared():
            self.crew.offered.pop(id(self), None)
            self.is_alone = True
        return 0

    cdef bint is_shared(self) noexcept:
        """Whether workers of this process may have it."""
        return self.crew is not None and not self.is_alone and self.team == self.crew.team


@atexit.register
def _close_all():
    """Let no worker come back for Python's lock once it is gone."""
    for crew in list(_all):
        crew.close()


def _after_fork():
    for crew in list(_all):
        crew._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
