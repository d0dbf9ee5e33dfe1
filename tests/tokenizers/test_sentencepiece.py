"""SentencePiece's models: files, processors, and those of mistral-common."""

from __future__ import annotations

import io
import random

import pytest

from stolcke import Vocabulary, VocabularyError
from tests.tokenizers.laws import TEXTS, check_masks

spm = pytest.importorskip("sentencepiece")


def trained(**settings):
    """The bytes of a small model that changes nothing in a text but its first space."""
    corpus = [line for text in TEXTS for line in text.replace("\x00", "").split("\n") if line.strip()] * 4
    out = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus),
        model_writer=out,
        minloglevel=2,
        **{
            "model_type": "bpe",
            "vocab_size": 420,
            "byte_fallback": True,
            "normalization_rule_name": "identity",
            "remove_extra_whitespaces": False,
            "character_coverage": 0.98,
            "user_defined_symbols": ["<tag>", "▁▁▁▁"],
            "control_symbols": ["<call>"],
            "hard_vocab_limit": False,
            **settings,
        },
    )
    return out.getvalue()


KINDS = {
    "bpe": {},
    "unigram": {"model_type": "unigram"},
    "no prefix": {"add_dummy_prefix": False},
    "other end": {"eos_piece": "<stop>", "eos_id": 7, "pad_id": 5, "unk_id": 3, "bos_id": -1},
}


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request):
    model = trained(**KINDS[request.param])
    return request.param, model, spm.SentencePieceProcessor(model_proto=model)


def decodes_alike(processor, vocabulary, step=1):
    """Every token, or one of ``step``, alone and behind a letter: at the beginning one space may be lost."""
    letter = vocabulary.token_ids(b"a")[0]
    skipped = vocabulary.skip
    for token in range(0, len(vocabulary), step):
        text = vocabulary.tokens[token]
        if skipped[token]:
            continue
        try:
            expected = text.decode()
        except UnicodeDecodeError:
            continue  # replaced by some other character
        assert processor.decode([letter, token]) == "a" + expected, token
        first = vocabulary.first_text(token).decode() if vocabulary.strips_first_space else expected
        assert processor.decode([token]) == first, token


def test_tokens_are_what_they_decode_to(kind):
    name, _, processor = kind
    vocabulary = Vocabulary.from_tokenizer(processor)
    assert len(vocabulary) == processor.vocab_size()
    assert vocabulary.strips_first_space is (name != "no prefix")
    assert vocabulary.eos_token_ids == (processor.eos_id(),)
    assert vocabulary.special_token_ids == tuple(
        i for i in range(len(vocabulary)) if processor.is_control(i) or processor.is_unknown(i)
    )
    assert vocabulary.special_id("<call>") == processor.piece_to_id("<call>")
    assert vocabulary.tokens[processor.piece_to_id("<tag>")] == b"<tag>"
    assert vocabulary.tokens[processor.piece_to_id("▁▁▁▁")] == b"    "
    for byte in range(256):
        assert vocabulary.tokens[processor.piece_to_id(f"<0x{byte:02X}>")] == bytes([byte])
    decodes_alike(processor, vocabulary)
    check_masks(vocabulary)


def test_the_bytes_of_the_ids_of_a_text_are_its_bytes(kind):
    name, _, processor = kind
    vocabulary = Vocabulary.from_tokenizer(processor)
    rng = random.Random(1)
    for _ in range(300):
        text = "".join(rng.choice([*TEXTS, " ", "  ", "a", "<tag>", "\n", "€", "x y"]) for _ in range(rng.randrange(6)))
        spelled = b"".join(vocabulary.tokens[i] for i in processor.encode(text))
        assert spelled == ("" if name == "no prefix" or not text else " ").encode() + text.encode()


def test_a_file_reads_like_the_object(kind, tmp_path):
    _, model, processor = kind
    (tmp_path / "tokenizer.model").write_bytes(model)
    vocabulary = Vocabulary.from_tokenizer(processor)
    assert Vocabulary.from_file(tmp_path) == Vocabulary.from_file(tmp_path / "tokenizer.model") == vocabulary
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 9}')
    assert Vocabulary.from_file(tmp_path).eos_token_ids == (9,)
    assert Vocabulary.from_file(tmp_path, eos_token_ids=8, size=500).eos_token_ids == (8,)
    assert len(Vocabulary.from_file(tmp_path, size=500)) == 500


def test_models_that_are_refused(tmp_path):
    path = tmp_path / "x.model"
    path.write_bytes(trained(treat_whitespace_as_suffix=True))
    with pytest.raises(VocabularyError, match=r"x\.model puts spaces behind words"):
        Vocabulary.from_file(path)
    piece = b"\x0a\x06\x0a\x04\x3c\x30\x78\x3e"  # one piece, <0x>, and its type below
    for data, message in (
        (piece[:1] + b"\x08" + piece[2:] + b"\x18\x06", "is a byte but does not say which"),
        (piece + piece, "two pieces of the model are equal"),
        (b"\x0a\x00", "not a whole SentencePiece model"),
        (b"\x0a\x02\x0a\x09", "it ends within the field"),
        (b"\x0a" + b"\xff" * 12, "a number without end"),
        (b"\x0a\x04\x0a\x02\xff\xff", "not a whole SentencePiece model"),
        (b"\x0a\x01\x0b", "wire type 3"),
    ):
        path.write_bytes(data)
        with pytest.raises(VocabularyError, match=message):
            Vocabulary.from_file(path, eos_token_ids=[])


def test_damaged_models_are_refused_or_read(tmp_path):
    model = trained(vocab_size=340)
    path = tmp_path / "x.model"
    rng = random.Random(2)
    refused = 0
    for i in range(400):
        damaged = bytearray(model[: rng.randrange(1, len(model))] if i % 2 else model)
        for _ in range(rng.randrange(4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            Vocabulary.from_file(path, eos_token_ids=[])
        except VocabularyError:
            refused += 1
    assert 150 < refused < 400


@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v7"])
def test_real_models(version):
    module = pytest.importorskip("mistral_common.tokens.tokenizers.mistral")
    made = getattr(module.MistralTokenizer, version)()
    inner = made.instruct_tokenizer.tokenizer
    vocabulary = Vocabulary.from_tokenizer(made)
    processor = spm.SentencePieceProcessor(model_file=str(inner.file_path))
    assert vocabulary == Vocabulary.from_tokenizer(inner) == Vocabulary.from_tokenizer(processor)
    assert vocabulary.eos_token_ids == (inner.eos_id,)
    assert set(vocabulary.special_token_ids) == inner.special_ids | {processor.unk_id()}
    decodes_alike(processor, vocabulary, step=11)
    for text in TEXTS:
        assert b"".join(vocabulary.tokens[i] for i in processor.encode(text)) == b" " + text.encode()
    if version == "v3":
        check_masks(vocabulary)
