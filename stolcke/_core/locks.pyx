"""Locks that a fork of the process leaves free and what they guard whole.

A child of ``fork`` has only the thread that forked.  A lock that another thread
held at that moment stays locked in the child for ever, and what it guards is
half-made.  So the forking thread takes every lock first, and gives them back on
both sides.
"""

import os
import threading
import weakref

_all = weakref.WeakValueDictionary()    # number -> lock
_taken = {}                             # thread -> the locks that it took to fork
cdef size_t n_made = 0


cdef class Lock:
    """A lock for code without the GIL; in Python a context manager.

    Parameters
    ----------
    floor : int
        Whoever holds a lock may take only locks of higher floors (locks.pxd lists them).
    """

    def __init__(self, int floor=VOCABULARY):
        global n_made
        self.order = (floor, n_made)
        n_made += 1
        _all[self.order] = self

    def __enter__(self):
        with nogil:
            self.lock()

    def __exit__(self, *exception):
        self.unlock()


def _before_fork():
    """Take all locks, in their order, with the GIL released while waiting; their holders may need it."""
    cdef Lock lock
    cdef size_t n_known = 0
    locks = []
    while not locks or n_known != n_made:       # others may have made new ones meanwhile
        _give_back(locks)
        n_known = n_made
        locks = [made for made in [reference() for reference in _all.valuerefs()] if made is not None]
        if not locks:
            break
        locks.sort(key=_order)
        for lock in locks:
            with nogil:
                lock.lock()
    _taken[threading.get_ident()] = locks


def _after_fork():
    _give_back(_taken.pop(threading.get_ident()))


def _order(Lock lock not None):
    return lock.order


def _give_back(list locks not None):
    cdef Lock lock
    for lock in locks:
        lock.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
