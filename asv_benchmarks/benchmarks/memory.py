"""Peak memory of a process that compiles one grammar and runs its texts; beside it, one that only has the tokens."""

from __future__ import annotations

from . import material


class Peak:
    """The whole process, Python and NumPy included."""

    params = material.VOCABULARIES
    param_names = ("vocabulary",)

    def setup(self, vocabulary: str) -> None:
        """Tokenise first, which needs memory of its own."""
        material.token_texts("json", vocabulary)

    def peakmem_tokens_only(self, vocabulary: str) -> None:
        material.vocabulary(vocabulary)

    def peakmem_compile_and_run(self, vocabulary: str) -> None:
        material.run(material.compiled("json", vocabulary), material.token_texts("json", vocabulary))
