"""Masks of many matchers, and of drafts, in one call.

What is known is copied at once.  The rest are tasks, in pieces that threads
take one after the other, the dearest first.  Masks of one compiled grammar are
one piece: its lock lets only one be computed at a time, and equal states are
then computed once.
"""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memset
from libcpp.vector cimport vector

from stolcke._core.crew cimport Crew, Place, Work
from stolcke._core.engine cimport DEAD, Engine
from stolcke._core.matcher cimport CoreMatcher
from stolcke._core.meter cimport MASK, MASK_HITS, Meter, metered_fill
from stolcke._core.types cimport NONE, load32, store32

cnp.import_array()


cdef struct Task:
    void* engine                        # held by the batch's matchers
    void* meter                         # held by the batch; NULL where nobody counts
    uint32_t state
    uint32_t cost                       # expected, about microseconds
    bint made                           # the mask is known, and has only to be written
    int32_t* row


cdef struct Piece:
    uint64_t cost
    size_t begin                        # tasks[begin:end]
    size_t end


cdef extern from *:
    """
    #include <algorithm>
    #include <functional>
    #include <tuple>
    #include <vector>
    // By engine, so that what waits for the same lock is together; what waits for none comes last.
    template <class T> static void sort_tasks(std::vector<T>& tasks) {
        auto less = std::less<void*>();
        std::sort(tasks.begin(), tasks.end(), [less](const T& a, const T& b) {
            if (a.made != b.made) return a.made < b.made;
            return a.engine == b.engine ? a.row < b.row : less(a.engine, b.engine);
        });
    }
    template <class P> static void sort_pieces(std::vector<P>& pieces) {
        std::sort(pieces.begin(), pieces.end(), [](const P& a, const P& b) {
            return std::make_tuple(b.cost, a.begin) < std::make_tuple(a.cost, b.begin);
        });
    }
    """
    void sort_tasks(vector[Task]& tasks) noexcept nogil
    void sort_pieces(vector[Piece]& pieces) noexcept nogil


# Of 3,127 masks along documents of 150 schemas, the average by the number of terminals under way was 4, 9, 20, 32 µs.
cdef enum:
    WRITING = 1                         # expected cost of a row whose parts are known
    COMPUTING = 2                       # of a mask
    READING = 8                         # of each terminal under way that it has to look at
    TOGETHER = 8                        # rows to be written are a piece
    WORTH_WAKING = 50                   # what costs less is done before another thread is awake


cdef uint32_t expected_cost(Engine engine, uint32_t state, bint made) noexcept nogil:
    """About how many microseconds a mask will take."""
    return WRITING if made else COMPUTING + READING * (engine.state_keys.length(state) // 3)


cdef class Batch(Work):
    """The masks of some states, each into a row of its own.

    Parameters
    ----------
    rows : int32[n, words] or uint32[n, words]
        Each row contiguous.
    errors : module
        Where ``VocabularyError`` and ``LimitExceeded`` are found.
    """
    cdef list matchers                  # whose engines the tasks speak of
    cdef list meters                    # that they speak of: a matcher may let go of its own
    cdef object rows
    cdef readonly object errors
    cdef char* start
    cdef Py_ssize_t n_rows, n_words, stride
    cdef vector[Task] tasks
    cdef vector[uint32_t] done          # by task; stored once its row is written
    cdef vector[Piece] pieces
    cdef list failed                    # by task: its error, or None
    cdef readonly dict found            # row -> the error of a task or of :meth:`refuse`
    cdef uint64_t cost

    def __init__(self, rows, errors not None):
        cdef int kind
        if not cnp.PyArray_Check(rows) or cnp.PyArray_NDIM(<cnp.ndarray>rows) != 2:
            raise errors.VocabularyError("mask rows must be an int32 array of two dimensions; "
                                         "a tensor's .numpy() shares its memory")
        kind = cnp.PyArray_TYPE(<cnp.ndarray>rows)
        if (kind != cnp.NPY_INT32 and kind != cnp.NPY_UINT32) or not cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>rows):
            raise errors.VocabularyError(f"mask rows must have dtype int32 (or uint32), not {rows.dtype}")
        self.n_rows = cnp.PyArray_DIM(<cnp.ndarray>rows, 0)
        self.n_words = cnp.PyArray_DIM(<cnp.ndarray>rows, 1)
        self.stride = cnp.PyArray_STRIDE(<cnp.ndarray>rows, 0)
        if not cnp.PyArray_CHKFLAGS(<cnp.ndarray>rows, cnp.NPY_ARRAY_BEHAVED) or (
                self.n_rows > 0 and self.n_words > 1 and cnp.PyArray_STRIDE(<cnp.ndarray>rows, 1) != 4) or (
                self.n_rows > 1 and self.stride < 4 * self.n_words):
            raise errors.VocabularyError("each mask row must be contiguous, writeable and apart from the others")
        self.rows = rows
        self.errors = errors
        self.start = <char*>cnp.PyArray_DATA(<cnp.ndarray>rows)
        self.matchers = []
        self.meters = []
        self.failed = []
        self.found = {}

    cdef int32_t* row(self, Py_ssize_t number) noexcept nogil:
        return <int32_t*>(self.start + number * self.stride)

    cdef Py_ssize_t number(self, int32_t* row) noexcept:
        return (<char*>row - self.start) // self.stride if self.stride else 0

    cdef CoreMatcher checked(self, matcher):
        """A matcher whose masks fit the rows."""
        cdef CoreMatcher core
        if not isinstance(matcher, CoreMatcher):
            raise self.errors.VocabularyError(f"masks are of matchers, not of {type(matcher).__name__}")
        core = <CoreMatcher>matcher
        if self.n_words < <Py_ssize_t>core.engine.store.n_words:
            raise self.errors.VocabularyError(
                f"mask rows have {self.n_words} words, {core.engine.store.n_words} are needed"
                f" for {core.engine.store.n_tokens} tokens")
        return core

    cdef int add(self, CoreMatcher matcher, uint32_t state, Py_ssize_t number) except -1:
        """Have the mask of a state of a matcher's written into a row; :meth:`settle` comes last."""
        cdef Task task
        task.engine = <void*>matcher.engine
        task.meter = NULL
        if matcher.meter is not None:
            task.meter = <void*>matcher.meter
            self.meters.append(matcher.meter)
        task.state = state
        task.row = self.row(number)
        task.cost = 0
        task.made = False
        self.tasks.push_back(task)
        return 0

    def add_matchers(self, matchers, indices=None):
        """Have the masks of matchers written as they stand now.

        Parameters
        ----------
        matchers : sequence of CoreMatcher
        indices : sequence of int, optional
            The row of each, all different; without it there are as many rows, in their order.

        Returns
        -------
        list of (int, CoreMatcher)
            The matchers, with their rows, whose ``restrict_mask`` must be called after :meth:`complete`.
        """
        cdef list given = list(matchers)
        cdef Py_ssize_t n = len(given), i, number
        cdef cnp.int64_t[::1] places = None
        cdef CoreMatcher matcher
        cdef list restricting = []
        if indices is None:
            if self.n_rows != n:
                raise self.errors.VocabularyError(f"{n} matchers need as many mask rows, not {self.n_rows}")
        else:
            places = self.checked_indices(indices, n)
        for i in range(n):
            self.checked(given[i])
        self.matchers = given
        self.tasks.reserve(n)
        for i in range(n):
            matcher = <CoreMatcher>given[i]
            number = i if places is None else places[i]
            self.add(matcher, matcher.history.back(), number)
            if matcher.prunes_masks:
                restricting.append((number, matcher))
        self.settle()
        return restricting

    cdef cnp.int64_t[::1] checked_indices(self, indices, Py_ssize_t n):
        cdef Py_ssize_t i
        cdef cnp.int64_t[::1] places
        cdef vector[char] taken
        array = np.asarray(indices)
        if array.ndim != 1 or len(array) != n or (array.dtype.kind not in "iu" and n):
            raise self.errors.VocabularyError(f"{n} matchers need as many row numbers in indices, not {indices!r:.80}")
        places = np.ascontiguousarray(array, dtype=np.int64)
        taken.resize(self.n_rows)
        for i in range(n):
            if places[i] < 0 or places[i] >= self.n_rows:
                raise self.errors.VocabularyError(f"there is no row {places[i]} among {self.n_rows} mask rows")
            if taken[places[i]]:
                raise self.errors.VocabularyError(f"row {places[i]} occurs twice in indices")
            taken[places[i]] = True
        return places

    def add_drafts(self, matchers, drafts, parents, bint collects):
        """Have the masks along drafts written: the row of each matcher, then one behind each token of its draft.

        Parameters
        ----------
        matchers : sequence of CoreMatcher
        drafts : sequence of sequences of int
            Tokens.
        parents : sequence, or None
            Of each draft: the number of the token before each token, -1 for none, or None for a chain.
        collects : bool
            Whether a limit that is met on the way is an error of the row, in ``found``; else it is raised.

        Returns
        -------
        list of bool[len(draft)]
            Which tokens can be accepted.  Rows behind the others are zero.
        list of (int, CoreMatcher, list of int)
            First row, and parents of the tokens, of the matchers whose masks must be restricted after :meth:`complete`.
        """
        cdef list given = list(matchers)
        cdef Py_ssize_t first = 0, begin = 0, i, n
        cdef vector[uint32_t] tokens            # of one draft after the other
        cdef vector[int32_t] before
        cdef CoreMatcher matcher
        drafts = [list(draft) for draft in drafts]
        parents = [None] * len(given) if parents is None else list(parents)
        if len(drafts) != len(given) or len(parents) != len(given):
            raise self.errors.VocabularyError(
                f"{len(given)} matchers need as many drafts and parents, not {len(drafts)} and {len(parents)}")
        needed = len(given) + sum(map(len, drafts))
        if self.n_rows != needed:
            raise self.errors.VocabularyError(
                f"drafts need a row for each matcher and each token, {needed}, not {self.n_rows}")
        for i in range(len(given)):
            matcher = self.checked(given[i])
            for token in drafts[i]:
                tokens.push_back(matcher.checked(token))
            self.add_parents(parents[i], len(drafts[i]), before)
        self.matchers = given
        self.tasks.reserve(needed)
        accepted, restricting = [], []
        for i in range(len(given)):
            matcher = <CoreMatcher>given[i]
            n = len(drafts[i])
            accepted.append(self.walk(matcher, tokens.data() + begin, before.data() + begin, n, first, collects))
            if matcher.prunes_masks:
                restricting.append((first, matcher, [before[begin + k] for k in range(n)]))
            begin += n
            first += n + 1
        self.settle()
        return accepted, restricting

    cdef int add_parents(self, parents, Py_ssize_t n, vector[int32_t]& before) except -1:
        """Add the number of the token before each of a draft's, -1 for none."""
        cdef Py_ssize_t i
        cdef cnp.int64_t[::1] view
        if parents is None:
            for i in range(n):
                before.push_back(<int32_t>i - 1)
            return 0
        array = np.asarray(parents)
        if array.ndim != 1 or len(array) != n or (array.dtype.kind not in "iu" and n):
            raise self.errors.VocabularyError(
                f"parents must be as many integers as the draft has tokens, {n}, not {parents!r:.80}")
        view = np.ascontiguousarray(array, dtype=np.int64)
        for i in range(n):
            if not -1 <= view[i] < i:
                raise self.errors.VocabularyError(
                    f"a token comes behind its parent, or behind none (-1), but that of token {i} is {view[i]}")
            before.push_back(<int32_t>view[i])
        return 0

    cdef walk(self, CoreMatcher matcher, const uint32_t* tokens, const int32_t* before, Py_ssize_t n, Py_ssize_t first,
              bint collects):
        """Follow a draft; its states' masks become tasks.  bool[n]: which tokens can be accepted."""
        cdef Py_ssize_t i
        cdef vector[uint32_t] states
        cdef uint32_t state
        accepted = np.zeros(n, dtype=np.bool_)
        cdef char* taken = <char*>cnp.PyArray_DATA(<cnp.ndarray>accepted)
        states.reserve(n + 1)
        states.push_back(matcher.history.back())
        self.add(matcher, states[0], first)
        for i in range(n):
            state = states[before[i] + 1]
            if state != DEAD:
                try:
                    state = matcher.after(state, tokens[i])
                except Exception as error:
                    self.count_limit(matcher.meter, error)
                    if not collects:
                        raise
                    self.found[first + i + 1] = error
                    state = DEAD
            states.push_back(state)
            taken[i] = state != DEAD
            if state == DEAD:
                memset(self.row(first + i + 1), 0, 4 * self.n_words)
            else:
                self.add(matcher, state, first + i + 1)
        return accepted

    cdef int settle(self) except -1:
        """Write what is known, and cut the rest into pieces."""
        cdef size_t i, kept = 0
        cdef Task task
        with nogil:
            for i in range(self.tasks.size()):
                task = self.tasks[i]
                if not self.fill_known(&task):
                    task.made = load32(&(<Engine>task.engine).at(task.state).mask) != NONE
                    task.cost = expected_cost(<Engine>task.engine, task.state, task.made)
                    self.cost += task.cost
                    self.tasks[kept] = task
                    kept += 1
            self.tasks.resize(kept)
            if kept:
                self.cut()
        self.failed = [None] * <Py_ssize_t>kept
        self.job.pieces = self.pieces.size()
        return 0

    cdef bint fill_known(self, const Task* task) noexcept nogil:
        cdef uint64_t begun
        if task.meter == NULL:
            return (<Engine>task.engine).fill_known(task.state, task.row, self.n_words)
        begun = (<Meter>task.meter).now()
        if not (<Engine>task.engine).fill_known(task.state, task.row, self.n_words):
            return False
        (<Meter>task.meter).add_since(MASK, begun)
        (<Meter>task.meter).count(MASK_HITS, 1)
        return True

    cdef int fill(self, const Task* task) except -1 nogil:
        if task.meter == NULL:
            (<Engine>task.engine).fill(task.state, task.row, self.n_words)
        else:
            metered_fill(<Engine>task.engine, <Meter>task.meter, task.state, task.row, self.n_words)
        return 0

    cdef int cut(self) except -1 nogil:
        cdef size_t i
        cdef Task task
        cdef Piece* last
        sort_tasks(self.tasks)
        self.done.resize(self.tasks.size())
        for i in range(self.tasks.size()):
            task = self.tasks[i]
            if i == 0 or task.made != self.tasks[i - 1].made or (
                    self.pieces.back().end - self.pieces.back().begin == TOGETHER if task.made
                    else task.engine != self.tasks[i - 1].engine):
                self.pieces.push_back(Piece(0, i, i))
            last = &self.pieces.back()
            last.end = i + 1
            last.cost += task.cost
        sort_pieces(self.pieces)
        return 0

    cdef int run(self, Place* at) except -1 nogil:
        cdef Task task
        cdef size_t piece
        while True:
            while at.task < at.end:
                if self.job.dropped.load() or (at.team != NULL and at.team.is_closing()):
                    return 0
                task = self.tasks[at.task]
                at.task += 1            # now, so that an error does not meet it again
                self.fill(&task)
                store32(&self.done[at.task - 1], True)
            if self.job.dropped.load() or (at.team != NULL and at.team.is_closing()):
                return 0
            piece = self.job.take()
            if piece == self.job.pieces:
                return 0
            at.task = self.pieces[piece].begin
            at.end = self.pieces[piece].end

    cdef int note(self, Place* at, error) except -1:
        cdef size_t task = at.task - 1
        memset(self.tasks[task].row, 0, 4 * self.n_words)
        self.failed[task] = error
        store32(&self.done[task], True)
        if self.tasks[task].meter != NULL:
            self.count_limit(<Meter>self.tasks[task].meter, error)
        return 0

    cdef int count_limit(self, Meter meter, error) except -1:
        """Tell a meter of a limit that was met; other errors, such as a guard's own, are none."""
        if meter is not None and isinstance(error, self.errors.LimitExceeded):
            meter.add_limit(error)
        return 0

    def offer_to(self, Crew crew not None, Py_ssize_t most, bint waits):
        """Let workers of a crew begin; where the owner waits anyway, only if that is worth waking them."""
        cdef Py_ssize_t helpers = min(most, <Py_ssize_t>self.pieces.size() - waits)
        if helpers > 0 and (not waits or self.cost > WORTH_WAKING):
            crew.offer(self, helpers)

    @property
    def is_complete(self):
        """Whether :meth:`complete` would find nothing left to do."""
        cdef size_t i
        for i in range(self.tasks.size()):
            if not load32(&self.done[i]):
                return False
        return True

    def complete(self):
        """Have every mask written, or its error in ``found``; rows with an error are zero."""
        cdef Place at
        cdef size_t i
        if self.tasks.empty():
            return
        self.finish()
        # What closed workers, or those of the process before a fork, had taken and not done.
        for i in range(self.tasks.size()):
            if self.done[i]:
                continue
            at.task = i + 1
            try:
                with nogil:
                    self.fill(&self.tasks[i])
                self.done[i] = True
            except Exception as error:
                self.note(&at, error)
        for i in range(self.tasks.size()):
            if self.failed[i] is not None:
                self.found[self.number(self.tasks[i].row)] = self.failed[i]

    def refuse(self, Py_ssize_t number, error):
        """Make a row zero, for an error that was met elsewhere."""
        memset(self.row(number), 0, 4 * self.n_words)
        self.found[number] = error
