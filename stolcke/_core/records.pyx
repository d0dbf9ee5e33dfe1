"""Instances of slotted dataclasses, made without calling their constructors.

A grammar has tens of thousands of small frozen objects.  Most of the time that it takes
to make one is spent on calling ``__init__``; here the slots are filled directly.
"""

import dataclasses

__all__ = ["Maker"]


cdef extern from "Python.h":
    object PyType_GenericAlloc(type made, Py_ssize_t size)
    void PyObject_GC_UnTrack(void* instance)
    void* PyType_GetSlot(type owner, int which)
    const int Py_tp_descr_set


cdef class Maker:
    """Makes instances of one class, as its constructor would from the same values in the order of the fields.

    Parameters
    ----------
    made : type
        A dataclass with slots, whose fields all have plain values and which does nothing else when it is made.
    acyclic : bool
        Whether no instance can ever lead back to itself, as where its fields hold texts, instances of the same kind,
        and tuples of these. Then neither the instances nor such tuples are shown to the garbage collector, which
        would go through all of a grammar again and again.

    Raises
    ------
    TypeError
        For other classes.
    """

    def __init__(self, type made not None, bint acyclic=False):
        fields = dataclasses.fields(made)
        if "__slots__" not in vars(made) or hasattr(made, "__post_init__"):
            raise TypeError(f"{made.__name__} is no plain dataclass with slots")
        missing = dataclasses.MISSING
        if any(each.default_factory is not missing or not each.init for each in fields):
            raise TypeError(f"{made.__name__} has fields that are no plain values")
        self.made = made
        self.acyclic = acyclic
        self.slots = tuple([vars(made)[each.name] for each in fields])
        kind = type(self.slots[0])
        if any([type(slot) is not kind for slot in self.slots]):
            raise TypeError(f"the slots of {made.__name__} are of several kinds")
        self.put = <Setter>PyType_GetSlot(kind, Py_tp_descr_set)
        self.defaults = tuple([None if each.default is missing else each.default for each in fields])
        self.required = sum([each.default is missing for each in fields])

    def of_one(self, first):
        """Make the instance of which the first field is given."""
        return self.fill(first, None, 1)

    def of_two(self, first, second):
        """Make the instance of which the first two fields are given."""
        return self.fill(first, second, 2)

    cdef object fill(self, object first, object second, Py_ssize_t given):
        cdef object new
        cdef Py_ssize_t i
        if not self.required <= given <= len(self.slots):
            raise TypeError(f"{self.made.__name__} cannot be made of {given} values")
        new = PyType_GenericAlloc(self.made, 0)
        for i in range(len(self.slots)):
            self.put(self.slots[i], new, first if i == 0 else second if i < given else self.defaults[i])
        if self.acyclic:
            PyObject_GC_UnTrack(<void*>new)
            if type(second) is tuple:
                PyObject_GC_UnTrack(<void*>second)
        return new
