"""A tiny random model, a vocabulary and grammars for tests of ``generate``, and greedy search written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

import stolcke

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = [b"aa", b"ab", b"ba", b"abc", b"cc", b"x,", b"],", b'["', b"[a", b"c]", b",a", b",b", b"1", b"12", b"]"]
END = 256 + len(WORDS)
PAD = END + 1
WIDTH = 300  # of the logits: wider than the vocabulary
LENGTH = 24


def model_of(seed: int, width: int = WIDTH):
    config = transformers.LlamaConfig(
        vocab_size=width,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        initializer_range=0.4,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    torch.manual_seed(seed)
    made = transformers.LlamaForCausalLM(config).eval()
    made.generation_config.eos_token_id, made.generation_config.pad_token_id = END, PAD
    return made


def noisy(model):
    """The model, changed a little."""
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    return model


LISTS = """
    start: "[" item ("," item)* "]"
    item: /[a-c]{1,4}/ | "x" | start
"""
SHORT = """
    start: "[" item ("," item)~0..2 "]"
    item: /[ab]{1,3}/ | "x"
"""
NUMBERS = "start: /[0-9]{2,6}/"
WEIGHTED = """
    start: "[" item more [0.9] | "x" [0.1]
    more: "," item more [0.2] | "]" [0.8]
    item: "a" [0.01] | "ab" [0.5] | "c" [0.49] | "b" [0.0]
"""


def vocabulary():
    tokens = [*(bytes([byte]) for byte in range(256)), *WORDS, b"<end>", b"<pad>"]
    return stolcke.Vocabulary(tokens, eos_token_ids=[END], special_token_ids=[PAD])


def compiled(vocabulary):
    texts = {"lists": LISTS, "short": SHORT, "numbers": NUMBERS, "weighted": WEIGHTED}
    return {name: stolcke.compile(stolcke.Grammar.from_lark(text), vocabulary) for name, text in texts.items()}


PROMPTS = [list(b"hello "), list(b"[ab,ab,ab,ab] and [ab,"), list(b"q"), list(b"12 and 3, ")]


def padded(prompts):
    length = max(map(len, prompts))
    ids = torch.tensor([[PAD] * (length - len(prompt)) + prompt for prompt in prompts])
    return {"input_ids": ids, "attention_mask": (ids != PAD).long()}


def scores_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -1].numpy()


def by_hand(model, compiled, prompt, beta=0.0, length=LENGTH):
    """Greedy search with a matcher and an argmax: the tokens after the prompt."""
    matcher, ids = compiled.matcher(), list(prompt)
    while len(ids) - len(prompt) < length and not matcher.is_finished:
        allowed = matcher.allowed_token_ids()
        scores = scores_of(model, ids)[allowed].astype(np.float64)
        if beta:
            scores += beta * matcher.logprobs(allowed.tolist())
        ids.append(int(allowed[np.argmax(scores)]))
        assert matcher.accept(ids[-1])
    return ids[len(prompt) :]


def generated(model, inputs, processor, **options):
    """What comes after the prompt in each row, up to the padding."""
    options = {"max_new_tokens": LENGTH, "do_sample": False, **options}
    if processor is not None:
        options["logits_processor"] = [processor]
    rows = model.generate(**inputs, **options)[:, inputs["input_ids"].shape[1] :].tolist()
    return [row[: row.index(PAD)] if PAD in row else row for row in rows]


def check_texts(rows, grammars):
    """Finished texts are whole texts of their grammar; the others begin one."""
    for row, grammar in zip(rows, grammars, strict=True):
        matcher = grammar.matcher()
        assert matcher.accept_tokens(row) == len(row)
        assert matcher.is_finished == (row[-1] == END)
