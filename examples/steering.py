"""A grammar that has tastes: what it says of each token, and what it makes of a model's.

``grammars/weighted_english.lark`` prefers owls to cats, ``the`` to ``a`` and sleep to the chase.  Its masks only keep
the model within English; added to the model's logits, its log-probabilities pull the model the same way.  Drawn step by
step, texts are not as probable as the two make them together; particles with weights are.
"""

from __future__ import annotations

import time

import numpy as np
from generation import Generated, Generator
from tasks import GRAMMARS

import stolcke
from stolcke.steering import Model, Posterior, sample

PROMPT = "What is the cat doing?"
BETAS = (0.0, 1.0, 4.0)
PARTICLES = 16
BUDGET = 16


def sentences() -> stolcke.Grammar:
    """The grammar with tastes."""
    path = GRAMMARS / "weighted_english.lark"
    return stolcke.Grammar.from_lark(path.read_text(encoding="utf-8"), start="sentence")


def show_steering(generator: Generator, temperature: float, seed: int) -> None:
    """One text for each beta, and the tokens of the first."""
    compiled = stolcke.compile(sentences(), generator.vocabulary)
    print(f"\n=== A grammar with weights (grammars/weighted_english.lark, a sentence)\n{PROMPT}\n")
    print(f"--- logits + beta * grammar\n{'beta':>4} {'model':>8} {'grammar':>8}  text")
    shown = []
    for beta in BETAS:
        matcher = compiled.matcher()
        made = generator.generate(PROMPT, temperature, seed, matcher, beta)
        shown.append((made, matcher))
        print(f"{beta:4g} {sum(made.model_logprobs):8.2f} {grammar_logprob(made, matcher):8.2f}  {made.text.decode()}")
    print("\n--- the first of them, token by token")
    print("\n".join(token_table(*shown[0], generator.vocabulary)))
    masks = 1e6 * np.array([each for made, _ in shown for each in made.mask_seconds])
    logprobs = 1e6 * np.array([each for made, _ in shown for each in made.logprobs_seconds])
    print(f"us per mask: {np.median(masks):.1f} median; us per fill_logprobs: {np.median(logprobs):.1f} median")


def show_particles(model: Model, vocabulary: stolcke.Vocabulary, seed: int, beta: float = 1.0) -> Posterior:
    """Sentences of a few tokens, drawn from the model times the grammar by sequential Monte Carlo."""
    compiled = stolcke.compile(sentences(), vocabulary)
    begun = time.perf_counter()
    start = compiled.matcher(max_tokens=BUDGET)
    posterior = sample(model, start, particles=PARTICLES, beta=beta, seed=seed, max_tokens=BUDGET)
    seconds = time.perf_counter() - begun
    print(f"\n--- {PARTICLES} particles, at most {BUDGET} tokens, beta {beta:g}\n{'share':>6}  text")
    for text, share in posterior.probabilities.items():
        print(f"{share:6.3f}  {text.decode()}")
    sizes = " ".join(f"{size:.1f}" for size in posterior.effective_sizes)
    print(f"log of the sum over all sentences: about {posterior.log_normalizer:.2f}")
    print(f"effective sample sizes: {sizes}; drawn anew {sum(posterior.resampled)} times; {seconds:.1f} s")
    return posterior


def grammar_logprob(made: Generated, matcher: stolcke.Matcher) -> float:
    """That of the whole text where it came to its end, else that of beginning so; what its tokens have together."""
    whole = matcher.sentence_logprob if made.is_ended else matcher.prefix_logprob
    assert np.isclose(whole, sum(made.grammar_logprobs), rtol=1e-9), "the scores of the tokens do not telescope"
    return whole


def token_table(made: Generated, matcher: stolcke.Matcher, vocabulary: stolcke.Vocabulary) -> list[str]:
    """One line for each token with its log-probabilities, and their sums."""
    lines = [f"{'token':16} {'model':>8} {'grammar':>8}"]
    for token, model, grammar in zip(made.tokens, made.model_logprobs, made.grammar_logprobs, strict=True):
        is_end = token in vocabulary.eos_token_ids
        name = "the end" if is_end else ascii(vocabulary.tokens[token].decode(errors="replace"))
        lines.append(f"{name:16} {model:8.2f} {grammar:8.2f}")
    title = "sentence_logprob" if made.is_ended else "prefix_logprob"
    lines.append(f"{title:16} {sum(made.model_logprobs):8.2f} {grammar_logprob(made, matcher):8.2f}")
    return lines
