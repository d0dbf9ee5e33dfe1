"""Compiled grammars on disk: bounded, shared by processes, and remade where a file is no good."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import stolcke
from stolcke.batches import CompiledFolder
from tests.batches.kinds import vocabulary

SCHEMA = {"type": "object", "properties": {"a": {"enum": ["b", 1]}}, "additionalProperties": False}


def compile_once(folder, schema=SCHEMA, **more) -> tuple[stolcke.CompiledGrammar, dict[str, int]]:
    with stolcke.CompileExecutor(vocabulary(), folder=folder, **more) as executor:
        return executor.submit(stolcke.Grammar.from_json_schema, schema).result(30), executor.stats()


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_another_process_finds_it(tmp_path):
    folder = tmp_path / "made" / "here"
    first, stats = compile_once(folder)
    assert (stats["compiled"], stats["loaded"]) == (1, 0)
    again, stats = compile_once(folder)
    assert (stats["compiled"], stats["loaded"]) == (0, 1)
    assert again is not first
    for text in (b'{"a": "b"}', b'{"a": 1}', b"{}", b'{"a": 2}', b'{"b"'):
        assert again.matcher().accept_bytes(text) == first.matcher().accept_bytes(text)
    assert len(files(folder)) == 1
    if os.name == "posix":
        assert folder.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(
    "more", [{"limits": stolcke.Limits(rules=5000)}, {"options": stolcke.Options(fold_lists=False)}]
)
def test_other_settings_are_another_file(tmp_path, more):
    compile_once(tmp_path)
    compiled, stats = compile_once(tmp_path, **more)
    assert stats["compiled"] == 1 and len(files(tmp_path)) == 2
    compiled, stats = compile_once(tmp_path, **more)
    assert stats["loaded"] == 1
    assert (compiled.limits, compiled.options) == (
        more.get("limits", stolcke.Limits()),
        more.get("options", stolcke.Options()),
    )


def test_another_vocabulary_is_another_file(tmp_path):
    compile_once(tmp_path)
    with stolcke.CompileExecutor(stolcke.Vocabulary.from_bytes(), folder=tmp_path) as executor:
        executor.submit(stolcke.Grammar.from_json_schema, SCHEMA).result(30)
        assert executor.stats()["compiled"] == 1


def damages(image: bytes) -> dict[str, bytes]:
    other = bytearray(image)
    other[len(image) // 2] ^= 1
    return {
        "empty": b"",
        "cut": image[:-1],
        "beginning": image[:40],
        "flipped": bytes(other),
        "longer": image + b"x",
        "text": b"hi",
    }


@pytest.mark.parametrize("kind", sorted(damages(bytes(100))))
def test_a_damaged_file_is_remade(tmp_path, kind):
    compile_once(tmp_path)
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(damages(whole)[kind])
    compiled, stats = compile_once(tmp_path)
    assert stats["compiled"] == 1 and compiled.matcher().accept_bytes(b'{"a": 1}')
    assert path.read_bytes() == whole
    path.write_bytes(damages(whole)[kind])
    assert CompiledFolder(tmp_path).get(path.stem, vocabulary()) is None
    assert not path.exists()


def test_a_file_for_another_vocabulary_is_none(tmp_path):
    folder = CompiledFolder(tmp_path)
    folder.put("key", compile_once(None)[0])
    assert folder.get("key", stolcke.Vocabulary.from_bytes()) is None
    assert files(tmp_path) == []


def test_a_folder_in_the_place_of_a_file(tmp_path):
    compile_once(tmp_path)
    (path,) = files(tmp_path)
    path.unlink()
    path.mkdir()
    assert compile_once(tmp_path)[1]["compiled"] == 1


def test_where_nothing_can_be_written(tmp_path):
    folder = CompiledFolder(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    compiled, stats = compile_once(folder)
    assert stats["compiled"] == 1 and compiled.matcher().accept_bytes(b"{}")
    assert folder.put("key", compiled) is False


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_the_oldest_files_go_first(tmp_path):
    compiled = compile_once(None)[0]
    folder = CompiledFolder(tmp_path, max_files=3)
    now = time.time()
    for age, key in enumerate("abcde"):
        assert folder.put(key, compiled)
        os.utime(tmp_path / f"{key}.stolcke", (now - 100 + age, now - 100 + age))
    assert [path.stem for path in files(tmp_path)] == ["c", "d", "e"]
    assert folder.get("c", vocabulary())  # used now
    folder.put("f", compiled)
    assert [path.stem for path in files(tmp_path)] == ["c", "e", "f"]


def test_bytes_are_bounded(tmp_path):
    compiled = compile_once(None)[0]
    CompiledFolder(tmp_path).put("one", compiled)
    size = (tmp_path / "one.stolcke").stat().st_size
    folder = CompiledFolder(tmp_path, max_bytes=5 * size // 2)
    for key in ("two", "three", "four"):
        assert folder.put(key, compiled)
        assert sum(path.stat().st_size for path in files(tmp_path)) <= folder.max_bytes
    assert len(files(tmp_path)) == 2
    CompiledFolder(tmp_path, max_bytes=0).put("five", compiled)
    assert files(tmp_path) == []


def test_what_others_left_unfinished_goes_and_what_is_not_ours_stays(tmp_path):
    compiled = compile_once(None)[0]
    long_ago = time.time() - 7200
    for name, age in ((".key.stolcke.1.ab", long_ago), (".new.stolcke.2.cd", time.time()), ("notes.txt", long_ago)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (age, age))
    CompiledFolder(tmp_path, max_files=0).put("key", compiled)
    assert [path.name for path in files(tmp_path)] == [".new.stolcke.2.cd", "notes.txt"]


@pytest.mark.parametrize("bounds", [{"max_files": -1}, {"max_bytes": -1}])
def test_bounds_that_are_none(tmp_path, bounds):
    with pytest.raises(stolcke.CompileError):
        CompiledFolder(tmp_path, **bounds)


MANY = """
import random, sys
from pathlib import Path
import stolcke
from stolcke.batches import CompiledFolder
from tests.batches.kinds import vocabulary

folder = CompiledFolder(sys.argv[1], max_files=4)
draw = random.Random(int(sys.argv[2]))
for _ in range(60):
    n = draw.randrange(12) + 1
    with stolcke.CompileExecutor(vocabulary(), folder=folder, threads=1) as executor:
        matcher = executor.submit(stolcke.Grammar.from_regex, f"a{{{n}}}").result(30).matcher()
    assert matcher.accept_bytes(b"a" * n) and matcher.is_accepting and not matcher.accept_bytes(b"a")
    if draw.random() < 0.2:
        for path in Path(sys.argv[1]).glob("*.stolcke"):
            try:
                path.write_bytes(b"damaged")
            except OSError:
                pass
"""


def test_processes_share_a_folder(tmp_path):
    """They write, remove and damage the same files at the same time."""
    running = [
        subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path), str(seed)], stderr=subprocess.PIPE)
        for seed in range(4)
    ]
    for process in running:
        error = process.communicate(timeout=200)[1]
        assert (process.returncode, error) == (0, b""), error.decode()
    assert len(list(tmp_path.glob("*.stolcke"))) <= 4
