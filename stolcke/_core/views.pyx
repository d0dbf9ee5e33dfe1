"""What is inside an engine, for dumps and messages."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.chart cimport Continuation
from stolcke._core.engine cimport OPENING, START, Engine
from stolcke._core.guarded_engine cimport GuardedEngine, Place
from stolcke._core.tables cimport CHOICE
from stolcke._core.types cimport NONE


cdef list spelled(const vector[uint32_t]& symbols):
    """Cut what :meth:`GrammarTables.spell` has appended into tuples."""
    cdef size_t i
    found, one = [], []
    for i in range(symbols.size()):
        if symbols[i] == NONE:
            found.append(tuple(one))
            one = []
        else:
            one.append(symbols[i])
    return found


def state_threads(Engine engine not None, uint32_t state):
    """A live state: ``([columns that begin here], [(terminal, automaton state, column), ...])``."""
    with engine.lock:
        n_states = engine.state_keys.count()
    if state >= n_states:
        raise IndexError(state)
    if state == OPENING:
        state = START
    if engine.prefix_length(state):
        return [], []
    cdef const uint32_t* words = engine.state_keys.words(state)
    cdef uint32_t i
    threads = [(words[i], words[i + 1], words[i + 2]) for i in range(1, engine.state_keys.length(state), 3)]
    columns = [] if words[0] == NONE else [words[0]]
    if isinstance(engine, GuardedEngine):
        columns, _ = standing(engine, words[0])
        threads = [unguarded(engine, variant, at, place) for variant, at, place in threads]
        return list(dict.fromkeys(columns)), list(dict.fromkeys(threads))
    return columns, threads


cdef tuple standing(GuardedEngine engine, uint32_t spot):
    """The columns of a spot's places, and the terminals that the guard lets begin there, ascending."""
    cdef vector[uint32_t] columns, terminals
    cdef uint32_t i, k
    cdef Place p
    with nogil:
        engine.lock.lock()
        try:
            for k in range(0 if spot == NONE else engine.spots.length(spot)):
                p = engine.places[engine.place_of(engine.spots.words(spot)[k])]
                columns.push_back(p.column)
                for i in range(p.live, p.live_end):
                    terminals.push_back(engine.terminal_of[engine.live[i]])
        finally:
            engine.lock.unlock()
    return list(columns), sorted(set(terminals))


cdef tuple unguarded(GuardedEngine engine, uint32_t variant, uint32_t state, uint32_t place):
    """A thread under a guard as one without."""
    cdef uint32_t column
    with nogil:
        engine.lock.lock()
        column = engine.places[engine.place_of(place)].column
        engine.lock.unlock()
    return engine.terminal_of[variant], state, column


def state_terminals(Engine engine not None, uint32_t state):
    """Terminals that may begin at a live state, ascending."""
    if isinstance(engine, GuardedEngine):
        _, terminals = standing(engine, engine.state_keys.words(START if state == OPENING else state)[0])
        return terminals
    columns, _ = state_threads(engine, state)
    return [terminal for column in columns for terminal in column_terminals(engine, column)]


def column_items(Engine engine not None, uint32_t column):
    """Kernel items of a column as ``(symbols of the suffix, continuation)``."""
    cdef vector[uint32_t] symbols, continuations
    cdef uint32_t i
    with nogil:
        engine.lock.lock()
        try:
            if column < engine.chart.columns.size():
                for i in range(engine.chart.columns[column].items, engine.chart.columns[column].items_end):
                    engine.tables.spell(engine.chart.items[i].suffix, symbols)
                    continuations.push_back(engine.chart.items[i].continuation)
        finally:
            engine.lock.unlock()
    return list(zip(spelled(symbols), continuations, strict=True))


def column_terminals(Engine engine not None, uint32_t column):
    """Terminals that may be scanned in a column, ascending."""
    cdef vector[uint32_t] terminals
    with nogil:
        engine.lock.lock()
        try:
            if column < engine.chart.columns.size():
                terminals.assign(engine.chart.live_terminals.begin() + engine.chart.columns[column].terminals,
                                 engine.chart.live_terminals.begin() + engine.chart.columns[column].terminals_end)
        finally:
            engine.lock.unlock()
    return list(terminals)


def continuation_entries(Engine engine not None, uint32_t continuation):
    """Entries of a continuation as ``(symbols, continuation)``, and whether the text may end there."""
    cdef vector[uint32_t] symbols, continuations
    cdef bint accepting = False
    cdef uint32_t i
    cdef Continuation c
    with nogil:
        engine.lock.lock()
        try:
            if continuation < engine.chart.continuations.size():
                c = engine.chart.continuations[continuation]
                accepting = c.accepting
                for i in range(c.entries, c.entries_end):
                    engine.tables.spell(engine.chart.entries[i].suffix, symbols)
                    continuations.push_back(engine.chart.entries[i].continuation)
        finally:
            engine.lock.unlock()
    return list(zip(spelled(symbols), continuations, strict=True)), accepting


def tally_place(Engine engine not None, uint32_t symbol):
    """Where within a tally a symbol stands that is none of the grammar's own.

    Returns
    -------
    tally, seen, bounds, kind, entry
        Number of the tally; symbols of the entries that have occurred, as
        far as they matter; least and greatest number of further entries and
        of further marked ones (None: any); ``"rest"``, ``"choice"``, or
        ``"successor"`` for the rest after one more entry, whose symbol is last.
    """
    cdef uint32_t state = NONE, kind = 0, entry = NONE, index
    with nogil:
        engine.lock.lock()
        if symbol >> 31:
            index = symbol & 0x7FFFFFFF
            if index < engine.tables.successors.size():
                state = engine.tables.successors[index].state
                entry = engine.tables.tallies.entries[engine.tables.successors[index].entry].symbol
        else:
            index = symbol - engine.tables.n_terminals
            if symbol >= engine.tables.n_terminals and index < engine.tables.instances.size():
                state = engine.tables.instances[index].state
                kind = engine.tables.instances[index].kind
        engine.lock.unlock()
    if state == NONE:
        raise IndexError(symbol)
    name = "successor" if symbol >> 31 else "choice" if kind == CHOICE else "rest"
    return *engine.tables.tallies.describe(state), name, entry if symbol >> 31 else None
