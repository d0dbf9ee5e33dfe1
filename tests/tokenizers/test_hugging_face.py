"""Reading Hugging Face tokenizers: the bytes of ids are the bytes of the text."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stolcke.errors import VocabularyError
from stolcke.vocabulary import Vocabulary
from tests.vocabularies import SHARED, real

hf = pytest.importorskip("tokenizers")
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: E402

CORPUS = [
    'The quick brown fox jumps over the lazy dog, and the dog sleeps. {"name": "value", "list": [1, 2, 3]}',
    "Größe, façade, naïve; 東京は日本の首都です。 Привет, мир! 😀😀",
    "    def f(x):\n        return x + 1\n\n\tpass  # two  spaces   three",
] * 3
ALPHABET = 'abcdefgh ABC  \n\t.,:{}"0123456789éßñ€▁Ġ東京日本мир😀\x00\x7f\xa0\xad\u0301'
TEXTS = st.lists(st.text(ALPHABET, max_size=12) | st.sampled_from(CORPUS) | st.text(max_size=6), max_size=4).map(
    "".join
)


def byte_level():
    """Like GPT-2's and Llama 3's."""
    tokenizer = hf.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # Runs of spaces, as some code models add them, and text with letters of the byte alphabet.
    tokenizer.add_tokens([AddedToken("      ", normalized=False), AddedToken("<é>", normalized=False)])
    return tokenizer


def _with_bytes(tokenizer, trainer_class, **settings):
    """Train with the 256 byte pieces in the model's own vocabulary, as real files have them."""
    names = [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainer_class(special_tokens=["<unk>", "<s>", "</s>", *names], show_progress=False, **settings)
    tokenizer.train_from_iterator(CORPUS, trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = [token for token in file["added_tokens"] if token["content"] not in names]
    return hf.Tokenizer.from_str(json.dumps(file))


def llama2():
    """Prepends a space to the text, whose decoder strips it; bytes for what is unknown."""
    tokenizer = hf.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return _with_bytes(tokenizer, trainers.BpeTrainer, vocab_size=450, limit_alphabet=30)


def gemma():
    """Writes spaces as ▁ and adds none; runs of ▁ are added tokens."""
    tokenizer = hf.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer = _with_bytes(tokenizer, trainers.BpeTrainer, vocab_size=450, limit_alphabet=30)
    tokenizer.add_tokens([AddedToken("▁▁", normalized=True), AddedToken("\n\n", normalized=False)])
    return tokenizer


def unigram():
    """Like T5's, with byte fallback."""
    tokenizer = hf.Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    names = [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.UnigramTrainer(
        vocab_size=450, special_tokens=["<unk>", "</s>", *names], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = [token for token in file["added_tokens"] if token["content"] == "</s>"]
    file["model"]["byte_fallback"] = True
    return hf.Tokenizer.from_str(json.dumps(file))


MAKERS = {"byte_level": byte_level, "llama2": llama2, "gemma": gemma, "unigram": unigram}
STRIPS = {"byte_level": False, "llama2": True, "gemma": False, "unigram": True}


@pytest.fixture(scope="module", params=list(MAKERS))
def kind(request):
    """A kind of tokenizer: its name, a small one trained on the spot, and its vocabulary."""
    tokenizer = MAKERS[request.param]()
    return request.param, tokenizer, Vocabulary.from_tokenizer(tokenizer)


@given(text=TEXTS)
def test_the_bytes_of_the_ids_of_a_text_are_its_bytes(kind, text):
    name, tokenizer, vocabulary = kind
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    spelled = b"".join(vocabulary.tokens[i] for i in ids)
    if name == "byte_level":
        assert spelled == text.encode()
    # A ▁ in the text cannot be told from a space any more: the tokenizer has lost it.
    elif name == "gemma":
        assert spelled == text.replace("▁", " ").encode()
    elif name == "llama2" or not text.startswith((" ", "▁")):
        assert spelled == ((" " + text) if ids else "").replace("▁", " ").encode()
    else:
        assert spelled == text.replace("▁", " ").encode()


@given(data=st.data())
def test_the_bytes_of_ids_are_what_they_decode_to(kind, data):
    name, tokenizer, vocabulary = kind
    plain = [i for i in range(len(vocabulary)) if not vocabulary.skip[i]]
    # One letter first, so that stripping the first space touches nothing else.
    ids = [vocabulary.token_ids(b"a")[0], *data.draw(st.lists(st.sampled_from(plain), max_size=6))]
    spelled = b"".join(vocabulary.tokens[i] for i in ids)
    if name == "byte_level" and b"<\xc3\xa9>" in spelled:
        return  # its decoder takes the é of an added token for a byte; encoding does not
    try:
        expected = spelled.decode()
    except UnicodeDecodeError:
        return  # decoders differ in how they replace what is not UTF-8
    assert tokenizer.decode(ids) == expected


def test_strips_first_space(kind):
    name, tokenizer, vocabulary = kind
    assert vocabulary.strips_first_space is STRIPS[name]
    spaced = next(i for i, t in enumerate(vocabulary.tokens) if t.startswith(b" ") and t.strip())
    text = vocabulary.tokens[spaced].decode()
    assert tokenizer.decode([spaced]) == (text[1:] if STRIPS[name] else text)


def test_every_id_of_the_tokenizer_is_there(kind):
    _, tokenizer, vocabulary = kind
    assert len(vocabulary) == tokenizer.get_vocab_size()
    assert all(vocabulary.tokens)


def test_special_tokens_and_ends(kind):
    name, tokenizer, vocabulary = kind
    end = "<|endoftext|>" if name == "byte_level" else "</s>"
    assert vocabulary.eos_token_ids == (tokenizer.token_to_id(end),)
    specials = {"byte_level": [end], "unigram": ["<unk>", end]}.get(name, ["<unk>", "<s>", end])
    assert vocabulary.special_token_ids == tuple(sorted(map(tokenizer.token_to_id, specials)))
    for special in specials:
        assert vocabulary.special_id(special) == tokenizer.token_to_id(special)


def test_byte_pieces_are_bytes(kind):
    name, tokenizer, vocabulary = kind
    for byte in range(256):
        assert vocabulary.token_ids(bytes([byte]))
        if name != "byte_level":
            assert vocabulary.tokens[tokenizer.token_to_id(f"<0x{byte:02X}>")] == bytes([byte])


def test_a_file_reads_like_the_object(kind, tmp_path):
    _, tokenizer, vocabulary = kind
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    sources = [tmp_path, tmp_path / "tokenizer.json", str(tmp_path / "tokenizer.json"), tokenizer.to_str()]
    for source in sources:
        assert Vocabulary.from_file(source) == vocabulary


def test_added_tokens_stand_for_their_text():
    tokenizer = byte_level()
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    assert vocabulary.tokens[tokenizer.token_to_id("      ")] == b"      "
    assert vocabulary.tokens[tokenizer.token_to_id("<é>")] == "<é>".encode()
    tokenizer = gemma()
    assert Vocabulary.from_tokenizer(tokenizer).tokens[tokenizer.token_to_id("▁▁")] == b"  "


def test_more_special_tokens_can_be_named():
    tokenizer = byte_level()
    tokenizer.add_tokens(["<tool_call>"])
    added = tokenizer.token_to_id("<tool_call>")
    with pytest.raises(VocabularyError, match="ordinary token"):
        Vocabulary.from_tokenizer(tokenizer).special_id("<tool_call>")
    assert Vocabulary.from_tokenizer(tokenizer, special_token_ids=added).special_id("<tool_call>") == added


# -- small tokenizers written by hand -----------------------------------------------------------------------------


def file(**change):
    """The text of a tiny byte-level tokenizer.json, with some keys changed."""
    model = {"type": "BPE", "vocab": {"a": 0, "Ġb": 1, "<e>": 2}, "merges": []} | change.pop("model", {})
    base = {"added_tokens": [], "normalizer": None, "pre_tokenizer": None, "decoder": {"type": "ByteLevel"}}
    return json.dumps(base | {"model": model} | change)


def decoder(*steps):
    return {"type": "Sequence", "decoders": list(steps)}


REPLACE = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
BYTES = {"type": "ByteFallback"}
FUSE = {"type": "Fuse"}
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
LEVEL = {"type": "ByteLevel"}


def tokens(text: str) -> list[bytes]:
    return list(Vocabulary.from_file(text, eos_token_ids=[]).tokens)


def test_byte_level_is_found_wherever_it_is_written():
    nested = {"type": "Sequence", "pretokenizers": [{"type": "Digits"}, {"type": "Sequence", "pretokenizers": [LEVEL]}]}
    for change in (
        {"decoder": LEVEL},
        {"decoder": decoder(LEVEL)},
        {"decoder": None, "pre_tokenizer": LEVEL},
        {"decoder": None, "pre_tokenizer": nested},
        {"decoder": None, "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, LEVEL]}},
    ):
        assert tokens(file(**change)) == [b"a", b" b", b"<e>"]


def test_byte_level_pieces():
    vocab = {"Ċ": 0, "Ã©": 1, "ł": 2, "Ń": 3, " x": 4, "é\n": 5, "東": 6, "\xad": 7}
    assert tokens(file(model={"vocab": vocab})) == [
        b"\n", "é".encode(), b"\xa0", b"\xad", b" x", "é\n".encode(), "東".encode(), "\xad".encode(),
    ]  # fmt: skip


def test_sentencepiece_pieces():
    vocab = {"▁a": 0, "a▁▁": 1, "<0x0A>": 2, "<0xff>": 3, "<0xF>": 4, "x<0x0A>": 5, "é": 6}
    spelled = [b" a", b"a  ", b"\n", b"\xff", b"<0xF>", b"x<0x0A>", "é".encode()]
    assert tokens(file(model={"vocab": vocab}, decoder=decoder(REPLACE, BYTES, FUSE))) == spelled
    assert tokens(file(model={"vocab": vocab, "byte_fallback": True}, decoder=decoder(REPLACE, FUSE))) == spelled
    spelled[2:4] = [b"<0x0A>", b"<0xff>"]
    assert tokens(file(model={"vocab": vocab}, decoder=decoder(REPLACE, FUSE))) == spelled


@pytest.mark.parametrize(
    ("steps", "strips"),
    [
        ([REPLACE, BYTES, FUSE, STRIP], True),
        ([REPLACE, BYTES, FUSE], False),
        ([REPLACE, FUSE, STRIP | {"start": 0}], False),
        ([{"type": "Metaspace", "replacement": "▁"}], True),
        ([{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}], True),
        ([{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"}], False),
        ([{"type": "Metaspace", "replacement": "▁", "add_prefix_space": False}], False),
        ([LEVEL], False),
    ],
)
def test_which_decoders_strip(steps, strips):
    assert Vocabulary.from_file(file(decoder=decoder(*steps)), eos_token_ids=[]).strips_first_space is strips


def test_what_a_first_token_stands_for():
    vocab = {"▁a": 0, "a▁▁": 1, "▁": 2, "▁▁": 3, "▁ a": 4, "<0x20>": 5, " b": 6, "<0xFF>": 7, "▁</s>": 8}
    added = [{"id": 9, "content": "▁▁x", "special": False}, {"id": 8, "content": "▁</s>", "special": True}]
    change = {"model": {"vocab": vocab, "byte_fallback": True}, "added_tokens": added}
    metaspace = {"type": "Metaspace", "replacement": "▁"}
    v = Vocabulary.from_file(file(decoder=metaspace, **change), eos_token_ids=[])
    assert v.first_texts == {1: b"a", 3: b"", 5: b" ", 6: b" b", 9: b"x"}
    for other in (decoder(REPLACE, FUSE, STRIP), metaspace | {"prepend_scheme": "never"}):
        assert not Vocabulary.from_file(file(decoder=other, **change), eos_token_ids=[]).first_texts


def test_metaspace_is_taken_from_the_pre_tokenizer_where_there_is_no_decoder():
    pre = {"type": "Metaspace", "replacement": "_"}
    assert tokens(file(model={"vocab": {"_a": 0}}, decoder=None, pre_tokenizer=pre)) == [b" a"]


def test_ids_may_have_holes():
    added = [{"id": 6, "content": "<x>", "special": False}, {"id": 4, "content": "</s>", "special": True}]
    vocabulary = Vocabulary.from_file(file(model={"vocab": {"a": 0, "b": 2}}, added_tokens=added), size=9)
    assert list(vocabulary.tokens) == [b"a", b"", b"b", b"", b"</s>", b"", b"<x>", b"", b""]
    assert vocabulary.special_token_ids == (4,)
    assert vocabulary.skip.tolist() == [0, 1, 0, 1, 1, 1, 0, 1, 1]


def test_an_added_token_takes_the_place_of_a_piece():
    added = [{"id": 1, "content": "<x>", "special": False}]
    assert tokens(file(added_tokens=added)) == [b"a", b"<x>", b"<e>"]


def test_the_unknown_token_is_special():
    vocabulary = Vocabulary.from_file(file(model={"unk_token": "<e>"}), eos_token_ids=[])
    assert vocabulary.special_token_ids == (2,)
    unigram = {"type": "Unigram", "vocab": [["a", 0.0], ["?", 0.0]], "unk_id": 1}
    text = json.dumps({"model": unigram, "decoder": REPLACE})
    assert Vocabulary.from_file(text, eos_token_ids=[]).special_token_ids == (1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "WordPiece"}}, "a WordPiece tokenizer is not supported"),
        ({"model": {"type": "WordLevel"}}, "a WordLevel tokenizer is not supported"),
        ({"model": {"continuing_subword_prefix": "##"}}, "continuing_subword_prefix '##'"),
        ({"model": {"end_of_word_suffix": "</w>"}}, "end_of_word_suffix '</w>'"),
        ({"decoder": {"type": "WordPiece", "prefix": "##"}}, "this WordPiece decoder"),
        ({"decoder": {"type": "BPEDecoder", "suffix": "</w>"}}, "this BPEDecoder decoder"),
        ({"decoder": decoder(STRIP)}, "this Strip decoder"),
        ({"decoder": decoder({"type": "Metaspace", "replacement": "▁"}, FUSE, STRIP)}, "this Strip decoder"),
        ({"decoder": decoder(FUSE, STRIP | {"stop": 1})}, "this Strip decoder"),
        ({"decoder": decoder(FUSE, STRIP | {"content": "x"})}, "this Strip decoder"),
        ({"decoder": decoder(FUSE, REPLACE | {"pattern": {"String": "ab"}})}, "this Replace decoder"),
        ({"decoder": decoder(REPLACE | {"pattern": {"Regex": "▁"}})}, "this Replace decoder"),
        ({"decoder": decoder(REPLACE, LEVEL)}, "byte-level tokenizer with a Replace decoder"),
        ({"decoder": None}, "no decoder"),
        ({"decoder": {"type": "Sequence"}}, "malformed"),
        ({"decoder": {"kind": "ByteLevel"}}, "malformed"),
        ({"decoder": 3}, "malformed"),
        ({"decoder": {"type": "Replace"}}, "malformed"),
        ({"model": {"vocab": 3}}, "not a tokenizer.json"),
        ({"model": {"vocab": [["a"]]}}, "not a tokenizer.json"),
        ({"model": {"vocab": [[["a"], 0.5]], "type": "Unigram"}}, "is not the text of a piece"),
        ({"model": {"vocab": {"a": 1, "b": 1}}}, "two pieces of the tokenizer have the id 1"),
        ({"model": {"vocab": {"a": -1}}}, "-1 is not a token id"),
        ({"model": {"vocab": {"a": 1e3}}}, "1000.0 is not a token id"),
        ({"model": {"vocab": {"a": 10**12}}}, "is not a token id"),
        ({"model": {"vocab": {"\ud800": 0}}}, "not Unicode"),
        ({"added_tokens": [{"id": 3}]}, "not a tokenizer.json"),
        ({"added_tokens": [3]}, "not a tokenizer.json"),
        ({"added_tokens": [{"id": "3", "content": "x", "special": True}]}, "'3' is not a token id"),
    ],
)
def test_what_is_not_supported_is_named(change, message):
    with pytest.raises(VocabularyError, match=message):
        Vocabulary.from_file(file(**change), eos_token_ids=[])


@pytest.mark.parametrize("text", ["{", "{}", '{"model": []}', '{"model": null}', '{"a":' * 100_000])
def test_what_is_no_tokenizer_file_is_refused(text):
    with pytest.raises(VocabularyError, match="is not"):
        Vocabulary.from_file(text)


def test_files_that_are_not_there_or_not_json(tmp_path):
    with pytest.raises(FileNotFoundError):
        Vocabulary.from_file(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VocabularyError, match="is not JSON"):
        Vocabulary.from_file(tmp_path)
    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(VocabularyError, match="is not a JSON object"):
        Vocabulary.from_file(tmp_path)


@pytest.mark.parametrize("thing", [None, 3, "tokenizer", SimpleNamespace(backend_tokenizer=None)])
def test_other_objects_are_refused(thing):
    with pytest.raises(VocabularyError, match=r"neither a tokenizers\.Tokenizer"):
        Vocabulary.from_tokenizer(thing)


def test_models_that_are_refused_as_objects():
    for model in (models.WordPiece({"a": 0}, unk_token="a"), models.WordLevel({"a": 0}, unk_token="a")):
        with pytest.raises(VocabularyError, match=f"a {type(model).__name__} tokenizer is not supported"):
            Vocabulary.from_tokenizer(hf.Tokenizer(model), eos_token_ids=[])


def test_a_decoder_written_in_python_is_refused():
    tokenizer = byte_level()
    tokenizer.decoder = decoders.Decoder.custom(object())
    with pytest.raises(VocabularyError, match="Decoder cannot be read"):
        Vocabulary.from_tokenizer(tokenizer)


# -- ends -----------------------------------------------------------------------------------------------------------


SPECIALS = [
    {"id": 10 + i, "content": content, "special": content != "</s>"}
    for i, content in enumerate(["<|im_end|>", "<|endoftext|>", "<|other|>", "</s>"])
]


def test_well_known_ends_are_guessed_among_special_tokens():
    assert Vocabulary.from_file(file(added_tokens=SPECIALS)).eos_token_ids == (10, 11)


def test_a_tokenizer_without_an_end_must_be_told():
    with pytest.raises(VocabularyError, match=r"name it with eos_token_ids=\[...\]"):
        Vocabulary.from_file(file())
    assert Vocabulary.from_file(file(), eos_token_ids=[]).eos_token_ids == ()
    assert Vocabulary.from_file(file(), eos_token_ids=2).special_token_ids == (2,)


@pytest.mark.parametrize(
    ("config", "generation", "ends"),
    [
        ({"eos_token": "<|other|>"}, None, (12,)),
        ({"eos_token": {"content": "<|other|>"}}, None, (12,)),
        ({"eos_token": "Ġb"}, None, (1,)),
        ({"eos_token": None}, None, (10, 11)),
        ({"eos_token": "<not there>"}, None, (10, 11)),
        ({}, {"eos_token_id": 11}, (11,)),
        ({"eos_token": "<|other|>"}, {"eos_token_id": [10, 11]}, (10, 11, 12)),
    ],
)
def test_files_beside_the_tokenizer_name_the_ends(tmp_path, config, generation, ends):
    (tmp_path / "tokenizer.json").write_text(file(added_tokens=SPECIALS))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    if generation is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(generation))
    assert Vocabulary.from_file(tmp_path).eos_token_ids == ends
    assert Vocabulary.from_file(tmp_path, eos_token_ids=[0]).eos_token_ids == (0,)


def test_ends_of_a_generation_config():
    tokenizer = byte_level()
    tokenizer.add_special_tokens(["<|eot_id|>"])
    guessed = (tokenizer.token_to_id("<|endoftext|>"), tokenizer.token_to_id("<|eot_id|>"))
    for config in (SimpleNamespace(eos_token_id=[2, 12]), {"eos_token_id": [2, 12]}):
        assert Vocabulary.from_tokenizer(tokenizer, generation_config=config).eos_token_ids == (2, 12)
    assert Vocabulary.from_tokenizer(tokenizer, generation_config={"eos_token_id": None}).eos_token_ids == guessed
    with pytest.raises(VocabularyError, match="id 9999 is outside"):
        Vocabulary.from_tokenizer(tokenizer, generation_config={"eos_token_id": 9999})


def test_a_transformers_tokenizer():
    transformers = pytest.importorskip("transformers")
    backend = byte_level()
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<é>", pad_token="<pad>")
    vocabulary = Vocabulary.from_tokenizer(wrapped)
    assert vocabulary.eos_token_ids == (wrapped.eos_token_id,)
    assert {wrapped.eos_token_id, wrapped.pad_token_id} <= set(vocabulary.special_token_ids)
    assert list(vocabulary.tokens) == [*Vocabulary.from_tokenizer(byte_level()).tokens, b"<pad>"]
    both = Vocabulary.from_tokenizer(wrapped, generation_config=transformers.GenerationConfig(eos_token_id=[5]))
    assert both.eos_token_ids == (5, wrapped.eos_token_id)


# -- real ones ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama3", "qwen3"])
def test_real_tokenizers_give_the_known_bytes(name):
    expected, eos, special = real(name)
    folder = SHARED / "hf" / name
    assert Vocabulary.from_file(folder) == Vocabulary(expected, eos, special)
    tokenizer = hf.Tokenizer.from_file(str(folder / "tokenizer.json"))
    began = time.process_time()
    vocabulary = Vocabulary.from_tokenizer(tokenizer, eos_token_ids=eos)
    took = time.process_time() - began
    assert vocabulary == Vocabulary(expected, eos, special)
    assert took < 2  # about 0.4 s where this was written
    text = "".join(CORPUS) + " naïve\u0301 \U0001f469\u200d\U0001f680 \x00\r\n"
    if name == "llama3":  # the other one normalises
        assert b"".join(vocabulary.tokens[i] for i in tokenizer.encode(text).ids) == text.encode()
