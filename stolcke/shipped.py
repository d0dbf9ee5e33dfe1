"""Where the grammars are that come with the package."""

from __future__ import annotations

from pathlib import Path

from stolcke.errors import GrammarError

__all__ = ["grammar_path", "shipped_grammars"]


def shipped_grammars() -> list[Path]:
    """Paths of all grammars that come with stolcke, by name."""
    package = Path(__file__).parent
    # Installed, the grammars lie within the package; in a checkout, beside it.
    directory = package / "grammars" if (package / "grammars").is_dir() else package.parent / "grammars"
    return sorted(directory.glob("*.lark"))


def grammar_path(name: str) -> Path:
    """Path of a grammar that comes with stolcke.

    Parameters
    ----------
    name : str
        Name without the suffix, such as ``"json"``.

    Returns
    -------
    pathlib.Path
        An existing ``.lark`` file, for :meth:`stolcke.Grammar.from_file`.

    Raises
    ------
    GrammarError
        No grammar of that name is shipped; the message lists those that are.
    """
    shipped = {path.stem: path for path in shipped_grammars()}
    if name not in shipped:
        raise GrammarError(f"no grammar named {name!r} is shipped; there are: {', '.join(sorted(shipped)) or 'none'}")
    return shipped[name]
