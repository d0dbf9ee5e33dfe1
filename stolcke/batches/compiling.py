"""Grammars compiled in the background, each once, and remembered within bounds."""

from __future__ import annotations

import atexit
import functools
import hashlib
import heapq
import inspect
import itertools
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from stolcke import container
from stolcke._core.locks import Lock
from stolcke.batches.folder import CompiledFolder
from stolcke.batches.keys import NotPlain, plain, source_key
from stolcke.compiled_grammar import CompiledGrammar, compile
from stolcke.errors import Cancelled, CompileError
from stolcke.grammar.model import Grammar
from stolcke.memo import Memo
from stolcke.options import Limits, Options
from stolcke.version import __version__
from stolcke.vocabulary import Vocabulary

__all__ = ["CompileExecutor"]

Compiled = Future[CompiledGrammar]
_Time = tuple[float, int, float, weakref.ref, "_Job"]  # when a future's time is over, a number, the time it had

_numbers = itertools.count()
_offices: weakref.WeakSet[_Office] = weakref.WeakSet()


@dataclass(eq=False)
class _Job:
    """One thing to compile, and all who wait for it."""

    key: Hashable | None
    file: str | None  # its name on disk, where it can have one
    make: Callable[[Callable[[], bool]], Any]  # called with what tells whether to stop
    compiling: Mapping[str, Any]
    waiting: list[Compiled] = field(default_factory=list)

    def is_unwanted(self) -> bool:
        return not self.waiting


@dataclass(frozen=True)
class _Kept:
    """A compiled grammar as the memo wants it."""

    compiled: CompiledGrammar
    origin: Any  # what the key speaks of by identity

    @property
    def n_bytes(self) -> int:
        return self.compiled.n_bytes

    def is_full(self) -> bool:
        """Whether its caches are so large that the next user should begin with empty ones."""
        return 2 * self.compiled.engine.n_bytes > self.compiled.limits.cache_bytes


class _Office:
    """What the threads of an executor share; they hold this, not the executor, which may so be forgotten."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        threads: int,
        limits: Limits,
        options: Options,
        bounds: Limits,
        folder: CompiledFolder | None,
    ) -> None:
        self.vocabulary, self.most, self.limits, self.options = vocabulary, threads, limits, options
        self.bounds, self.folder = bounds, folder
        self.memo: Memo[_Kept] = Memo()
        self.counts: Counter[str] = Counter()
        self.closed = False
        self.lock = Lock()  # of what follows, but for the queues; a fork leaves it free
        self.begin_anew()
        _offices.add(self)

    def begin_anew(self) -> None:
        self.queue: SimpleQueue[_Job | None] = SimpleQueue()
        self.times: SimpleQueue[_Time | None] = SimpleQueue()
        self.jobs: dict[Hashable, _Job] = {}  # under way, by key
        self.under_way: set[_Job] = set()
        self.threads: list[threading.Thread] = []
        self.n_workers = 0  # started, or about to be
        self.watching = False

    # --- requests ------------------------------------------------------------------------------------------------

    def ask(self, job: _Job, timeout: float | None) -> Compiled:
        """A future for a job, or for an equal one that is under way; or what is remembered of it."""
        future: Compiled = Future()
        known = None if job.key is None else self.memo.get(job.key)
        if known is not None and known.is_full():
            self.memo.forget(job.key)
            known = None
        if known is not None:
            self.counts["remembered"] += 1
            future.set_result(known.compiled)
            return future
        hires = watches = False
        with self.lock:
            if self.closed:
                raise CompileError("this executor has been shut down; make a new one")
            other = None if job.key is None else self.jobs.get(job.key)
            # What is finished just now is remembered before it leaves the jobs.
            known = None if job.key is None or other is not None else self.memo.get(job.key)
            if known is not None:
                self.counts["remembered"] += 1
            elif other is not None and other.waiting:
                self.counts["joined"] += 1
                job = other
                job.waiting.append(future)
            else:
                job.waiting.append(future)
                self.under_way.add(job)
                if job.key is not None:
                    self.jobs[job.key] = job
                hires = self.n_workers < min(self.most, len(self.under_way))
                self.n_workers += hires
                self.queue.put(job)
            if timeout is not None and known is None:
                watches, self.watching = not self.watching, True
                self.times.put((time.monotonic() + timeout, next(_numbers), timeout, weakref.ref(future), job))
        if known is not None:
            future.set_result(known.compiled)
            return future
        future.add_done_callback(functools.partial(self._let_go, job))
        if hires:
            self._hire()
        if watches:
            self._start(self.watch)
        return future

    def _let_go(self, job: _Job, future: Compiled) -> None:
        """A future is done; where that was its caller's wish, a job that nobody waits for any more stops."""
        if future.cancelled():
            self._withdraw(job, future)

    def _withdraw(self, job: _Job, future: Compiled) -> bool:
        """Whether a future was still waiting for its job."""
        with self.lock:
            if future not in job.waiting:
                return False
            job.waiting.remove(future)
            return True

    # --- threads -------------------------------------------------------------------------------------------------

    def _hire(self) -> None:
        try:
            self._start(self.work)
        except RuntimeError as error:  # can't start new thread
            with self.lock:
                self.n_workers -= 1
                helpless = self.n_workers == 0
            if helpless:
                raise CompileError("no thread could be started to compile in") from error

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="stolcke-compile", daemon=True)
        thread.start()
        self.threads.append(thread)

    def watch(self) -> None:
        """What the thread does that looks after time-outs."""
        ahead: list[_Time] = []
        times, bound = self.times, 64
        while True:
            try:
                found = times.get(timeout=max(0.0, ahead[0][0] - time.monotonic()) if ahead else None)
                if found is None:
                    return
                heapq.heappush(ahead, found)
            except Empty:
                self._expire(heapq.heappop(ahead))
            found = None
            if len(ahead) > bound:
                ahead = [one for one in ahead if _is_open(one[3]())]
                heapq.heapify(ahead)
                bound = max(64, 2 * len(ahead))

    def _expire(self, due: _Time) -> None:
        _, _, timeout, reference, job = due
        future = reference()
        if future is not None and self._withdraw(job, future):
            self.counts["timed_out"] += 1
            _settle(future, error=Cancelled(f"compilation took longer than timeout={timeout} s"))

    def work(self) -> None:
        """What a thread does until the executor is shut down."""
        queue = self.queue
        while (job := queue.get()) is not None:
            self._do(job)
            del job
        queue.put(None)  # for the next one

    def _do(self, job: _Job) -> None:
        compiled, error, how = None, None, ""
        if not job.is_unwanted():
            try:
                compiled, how = self._compiled(job)
            except BaseException as caught:
                error = caught
        with self.lock:
            if how:
                self.counts[how] += 1
            waiting, job.waiting = job.waiting, []
            self.under_way.discard(job)
            if job.key is not None and self.jobs.get(job.key) is job:
                del self.jobs[job.key]
        for future in waiting:
            _settle(future, compiled, error)

    def _compiled(self, job: _Job) -> tuple[CompiledGrammar, str]:
        """What was asked for, and whether it was ``"compiled"`` or ``"loaded"``."""
        compiled, origin, how = None, None, "loaded"
        if job.file is not None and self.folder is not None:
            compiled = self.folder.get(job.file, self.vocabulary, self.limits, self.options)
        if compiled is None:
            how, origin = "compiled", job.make(job.is_unwanted)
            compiled = compile(
                origin if isinstance(origin, Grammar) else getattr(origin, "grammar", origin),
                self.vocabulary,
                limits=self.limits,
                options=self.options,
                cancel=job.is_unwanted,
                **job.compiling,
            )
            if job.file is not None and self.folder is not None:
                self.folder.put(job.file, compiled)
        if job.key is not None:
            compiled = self.memo.add(job.key, _Kept(compiled, origin), self.bounds).compiled
        return compiled, how

    # --- the end -------------------------------------------------------------------------------------------------

    def stop(self, abandons: bool) -> None:
        """Take no more requests; threads end when the queue is empty, or at once where all is to be abandoned."""
        with self.lock:
            self.forsake()
            dropped = [future for job in self.under_way for future in job.waiting] if abandons else []
            for job in self.under_way if abandons else ():
                job.waiting = []
        for future in dropped:
            future.cancel()

    def forsake(self) -> None:
        """The executor is gone: do what was asked for, then end.  No lock is taken: who finds this out may hold it."""
        self.closed = True
        self.queue.put(None)
        self.times.put(None)

    def join(self) -> None:
        """Wait until the threads have ended."""
        for thread in list(self.threads):
            if thread is not threading.current_thread():
                thread.join()

    def leave_behind(self) -> None:
        """In the child of a fork: the threads are the parent's, and so are their jobs."""
        waiting = [future for job in self.under_way for future in job.waiting]
        self.begin_anew()
        for future in waiting:
            if future._condition.acquire(blocking=False):  # else a thread that is gone holds it
                future._condition.release()
                _settle(future, error=Cancelled("the process was forked; its parent compiles this, submit it again"))


class CompileExecutor:
    """Compiles grammars in the background.

    What is equal is compiled once: requests for something under way join it, and what was made is remembered, in
    memory and, where there is a folder for it, on disk.  Threads are started when they are needed, and end with
    :meth:`shutdown`, at the end of a ``with`` block, or with the process.  They take turns with Python's lock, so more
    than one helps mainly against a slow grammar holding up the others.

    Parameters
    ----------
    vocabulary : Vocabulary
    threads : int
        At most so many grammars are compiled at a time.
    limits : Limits, optional
    options : Options, optional
        As for :func:`stolcke.compile`.
    remembered, remembered_bytes : int
        How many compiled grammars are kept in memory, and their bytes with their grown caches.
    folder : CompiledFolder or path, optional
        Where they are kept on disk.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        threads: int = 2,
        limits: Limits | None = None,
        options: Options | None = None,
        remembered: int = 256,
        remembered_bytes: int = 256_000_000,
        folder: CompiledFolder | str | os.PathLike[str] | None = None,
    ) -> None:
        if not isinstance(vocabulary, Vocabulary):
            raise CompileError(f"CompileExecutor takes a Vocabulary, not {type(vocabulary).__name__}")
        if threads < 1:
            raise CompileError(f"threads must be at least 1, not {threads!r}")
        if folder is not None and not isinstance(folder, CompiledFolder):
            folder = CompiledFolder(folder)
        bounds = Limits(remembered=remembered, remembered_bytes=remembered_bytes)
        self._office = _Office(vocabulary, threads, limits or Limits(), options or Options(), bounds, folder)
        self._stop = weakref.finalize(self, self._office.forsake)
        self._stop.atexit = False  # all offices are closed then

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(cancel_futures=error is not None)

    def submit(
        self,
        source: Grammar | Callable[..., Any],
        *args: Any,
        timeout: float | None = None,
        compiling: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Compiled:
        """Have a grammar compiled.

        Parameters
        ----------
        source : Grammar or callable
            A grammar; or what makes one, such as ``Grammar.from_json_schema`` or
            ``stolcke.integrations.responses.response_format``, which is then called in the background: it gives
            a ``Grammar``, or something with a ``grammar``.  A call of a named function with plain data is
            remembered by these, so it must depend on nothing else; what reads files (``from_file``,
            ``import_paths=``) is compiled each time.  On disk only calls of stolcke's own functions are kept.
        *args, **keywords
            What the callable is called with.
        timeout : float, optional
            Seconds from now after which the future fails with :class:`stolcke.Cancelled`, wherever its work stands.
        compiling : mapping, optional
            Further arguments of :func:`stolcke.compile`: ``special``, ``guard``, ``distributions``, ``prewarm``.

        Returns
        -------
        concurrent.futures.Future of CompiledGrammar
            Raises whatever ``source`` and ``compile`` do.  ``cancel()`` succeeds until it is done; the work stops
            when no future waits for it any more.  For ``asyncio``, use ``asyncio.wrap_future``.

        Raises
        ------
        CompileError
            After :meth:`shutdown`, or if ``source`` is neither a grammar nor callable.
        """
        compiling = dict(compiling or {})
        if timeout is not None and not isinstance(timeout, (int, float)):
            raise CompileError(f"timeout must be a number of seconds, not {timeout!r}")
        if not isinstance(source, Grammar) and not callable(source):
            raise CompileError(f"submit() takes a Grammar, or what makes one, not {type(source).__name__}")
        if isinstance(source, Grammar) and (args or keywords):
            raise CompileError("a Grammar takes no further arguments; those of compile() belong into compiling={...}")
        key, file = self._keys(source, args, keywords, compiling)
        make = functools.partial(_made, source, args, keywords)
        return self._office.ask(_Job(key, file, make, compiling), timeout)

    def _keys(
        self, source: Any, args: tuple, keywords: Mapping[str, Any], compiling: Mapping[str, Any]
    ) -> tuple[Hashable | None, str | None]:
        """By what a request is remembered in memory, and on disk; None where it is not."""
        office = self._office
        try:
            if isinstance(source, Grammar):
                key = id(source), tuple(compiling.items())
                hash(key)
                return key, None
            text = f"{source_key(source, args, keywords)} {plain(compiling)}"
        except (NotPlain, TypeError):
            return None, None
        if not text.startswith("stolcke."):  # of what others wrote, nobody knows the version
            return text, None
        whole = (
            __version__,
            str(container.VERSION),
            office.vocabulary.fingerprint,
            plain(office.limits),
            plain(office.options),
            text,
        )
        return text, hashlib.sha256("\n".join(whole).encode()).hexdigest()

    def stats(self) -> dict[str, int]:
        """How many were ``compiled``, ``remembered``, ``loaded`` from disk, ``joined`` or ``timed_out`` so far."""
        names = ("compiled", "remembered", "loaded", "joined", "timed_out")
        return {name: self._office.counts[name] for name in names}

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more requests.

        Parameters
        ----------
        wait : bool
            Whether to come back only when all threads have ended.
        cancel_futures : bool
            Whether to cancel what is not done yet; else all of it is still compiled.
        """
        self._office.stop(cancel_futures)
        if wait:
            self._office.join()


def _made(source: Any, args: tuple, keywords: dict[str, Any], cancel: Callable[[], bool]) -> Any:
    if isinstance(source, Grammar):
        return source
    if _can_be_cancelled(source) and "cancel" not in keywords:
        keywords = {**keywords, "cancel": cancel}
    return source(*args, **keywords)


def _can_be_cancelled(source: Callable[..., Any]) -> bool:
    try:
        return "cancel" in inspect.signature(source).parameters
    except (TypeError, ValueError):
        return False


def _is_open(future: Compiled | None) -> bool:
    return future is not None and not future.done()


def _settle(future: Compiled, compiled: CompiledGrammar | None = None, error: BaseException | None = None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if compiled is not None:
        future.set_result(compiled)
    else:
        future.set_exception(error or Cancelled("compilation cancelled by its caller"))


@atexit.register
def _close_all() -> None:
    for office in list(_offices):
        office.stop(True)
    for office in list(_offices):
        office.join()


def _after_fork() -> None:
    for office in list(_offices):
        office.leave_behind()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
