"""Files that the command reads, and what is shown while that takes its time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import stolcke

__all__ = ["progress", "read_text", "read_vocabulary"]


def read_vocabulary(path: Path | None, markers: Sequence[str]) -> stolcke.Vocabulary:
    """Read a vocabulary; without a file, single bytes, an end token and one token per marker."""
    if path is None:
        tokens = [bytes([byte]) for byte in range(256)] + [b"<eos>"] + [marker.encode() for marker in markers]
        return stolcke.Vocabulary(tokens, eos_token_ids=[256], special_token_ids=range(257, len(tokens)))
    with path.open("rb") as file:
        is_json = file.read(64).lstrip().startswith(b"{")
    return stolcke.Vocabulary.from_file(path) if is_json else stolcke.Vocabulary.load(path)


def read_text(name: str, chomp: bool) -> bytes:
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    if chomp:
        data = data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
    return data


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Say on a terminal what takes so long, once it does."""
    if not sys.stderr.isatty():
        yield
        return
    begun = time.monotonic()
    done = threading.Event()
    shown = threading.Event()

    def tick() -> None:
        while not done.wait(0.5):
            shown.set()
            print(f"\r{what} ... {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
        if shown.is_set():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
