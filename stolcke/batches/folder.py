"""Compiled grammars on disk: a folder of files that stays below a size, and that processes may share."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from stolcke.compiled_grammar import CompiledGrammar
from stolcke.errors import CompileError, StolckeError
from stolcke.options import Limits, Options
from stolcke.vocabulary import Vocabulary

__all__ = ["CompiledFolder"]

_SUFFIX = ".stolcke"
_ABANDONED = 3600.0
"""Seconds after which a file that was never finished belongs to a process that is gone."""


class CompiledFolder:
    """A folder of compiled grammars, the ones used last.

    Files are written whole or not at all and have checksums, so processes may share a folder without a lock.  A file
    that is damaged, of another version, or gone is as if it had never been there.  What cannot be written is not
    kept.  Let nobody else write there: a file made on purpose is not checked for what its grammar says.

    Parameters
    ----------
    path : path
        Made, for its owner alone, where it is missing.
    max_files : int
    max_bytes : int
        Beyond either, the files that were not used for the longest time go.

    Raises
    ------
    OSError
        The folder cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_files: int = 4096, max_bytes: int = 1_000_000_000) -> None:
        if max_files < 0 or max_bytes < 0:
            raise CompileError(f"max_files={max_files} and max_bytes={max_bytes} must not be negative")
        self.path = Path(path)
        self.max_files, self.max_bytes = max_files, max_bytes
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return f"<CompiledFolder {str(self.path)!r}, at most {self.max_files} files and {self.max_bytes} bytes>"

    def get(
        self, key: str, vocabulary: Vocabulary, limits: Limits | None = None, options: Options | None = None
    ) -> CompiledGrammar | None:
        """Load what was kept under a key, where that is still possible."""
        path = self._file(key)
        try:
            compiled = CompiledGrammar.load(path, vocabulary, limits=limits, options=options)
        except FileNotFoundError:
            return None
        except (StolckeError, OSError):
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used now
        return compiled

    def put(self, key: str, compiled: CompiledGrammar) -> bool:
        """Keep a compiled grammar; whether it could be written."""
        try:
            compiled.save(self._file(key))
        except OSError:
            return False
        self._shrink()
        return True

    def _file(self, key: str) -> Path:
        return self.path / f"{key}{_SUFFIX}"

    def _shrink(self) -> None:
        """Remove what is too much, the oldest first; others may be doing the same."""
        found = []
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    about = entry.stat(follow_symlinks=False)
                    if entry.name.startswith(".") and _SUFFIX in entry.name:
                        if time.time() - about.st_mtime > _ABANDONED:
                            os.unlink(entry.path)
                    elif entry.name.endswith(_SUFFIX):
                        found.append((about.st_mtime_ns, entry.name, about.st_size))
        found.sort(reverse=True)
        used = 0
        for number, (_, name, size) in enumerate(found):
            used += size
            if number >= self.max_files or used > self.max_bytes:
                with contextlib.suppress(OSError):
                    os.unlink(self.path / name)
