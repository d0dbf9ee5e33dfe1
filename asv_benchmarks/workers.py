"""A few processes that each do one piece of work at a time, and are replaced when one hangs or dies."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    piece: Any = None
    until: float = float("inf")

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection, work: Callable[[Any], Any], memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    while True:
        try:
            connection.send(work(connection.recv()))
        except EOFError:
            return


def results(
    work: Callable[[Any], Any], pieces: Iterable[Any], *, jobs: int, timeout: float, memory_bytes: int
) -> Iterator[tuple[Any, Any, str]]:
    """Do the work for every piece, in no certain order.

    Parameters
    ----------
    work : callable
        A function of a module; it raises nothing.
    pieces : iterable
        What it is given, one after the other.
    jobs : int
        Processes.
    timeout : float
        Seconds after which a process is killed.
    memory_bytes : int
        Address space of each process.

    Yields
    ------
    piece, result, trouble
        ``result`` is None where ``trouble`` says how the process ended.
    """
    context = multiprocessing.get_context("spawn")

    def started() -> _Worker:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, work, memory_bytes), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    waiting = iter(pieces)
    workers = [started() for _ in range(jobs)]

    def occupied(worker: _Worker) -> _Worker | None:
        """The worker with its next piece, None where there is no more."""
        for worker.piece in waiting:
            try:
                worker.connection.send(worker.piece)
            except BrokenPipeError:  # it died between two pieces
                worker.stop()
                piece, worker = worker.piece, started()
                worker.piece = piece
                worker.connection.send(piece)
            worker.until = time.monotonic() + timeout
            return worker
        worker.stop()
        return None

    busy = [worker for worker in map(occupied, workers) if worker]
    try:
        while busy:
            first = min(worker.until for worker in busy)
            wait([worker.connection for worker in busy], timeout=max(0.0, first - time.monotonic()))
            still = []
            for worker in busy:
                piece = worker.piece
                if worker.connection.poll():
                    try:
                        yield piece, worker.connection.recv(), ""
                    except EOFError:
                        worker.process.join()
                        yield piece, None, f"the process died with status {worker.process.exitcode}"
                        worker.stop()
                        worker = started()
                elif time.monotonic() >= worker.until:
                    worker.stop()
                    yield piece, None, f"longer than {timeout:g} s"
                    worker = started()
                else:
                    still.append(worker)
                    continue
                if next_worker := occupied(worker):
                    still.append(next_worker)
            busy = still
    finally:
        for worker in busy:
            worker.stop()
