"""A grammar as Lark text, wherever Lark can express it.

Rules are printed as they are, lowered; unnamed terminals are printed in place.
"""

from __future__ import annotations

import re

from stolcke.errors import GrammarError
from stolcke.grammar.model import Grammar, Neighbour, Rule, RuleOptions, Symbol, Tally, Terminal, TerminalDefinition
from stolcke.grammar.naming import anonymous_name, legal_names
from stolcke.grammar.patterns import (
    Choice,
    Counted,
    Literal,
    Machine,
    Nonempty,
    Pattern,
    Regex,
    Repeat,
    Sequence,
    Special,
)

__all__ = ["lark_text", "pattern_text", "terminal_title"]

_RULE_NAME = re.compile(r"_?[a-z][_a-z0-9]*")
_TERMINAL_NAME = re.compile(r"_?[A-Z][_A-Z0-9]*")
_NO_CHARACTER = "[^\\s\\S]"


def lark_text(grammar: Grammar) -> str:
    """Print a grammar; reading the text again gives an equivalent one, and mostly an equal one.

    Names that Lark does not allow are changed.  A grammar whose start is not
    called ``start`` must be read with the same ``start=...``.

    Raises
    ------
    GrammarError
        Where Lark has no way to say it, such as bytes that are not UTF-8, or a
        tally that is more than a list of so and so many of its entries.
    """
    inline = {name: pattern_text(t.pattern) for name, t in grammar.terminals.items() if _is_unnamed(t)}
    named = [t for name, t in grammar.terminals.items() if name not in inline]
    symbols = legal_names(grammar.nonterminals, _RULE_NAME, "rule_", str.lower)
    terminals = legal_names([t.name for t in named], _TERMINAL_NAME, "TERMINAL_", str.upper)
    terminals.update(inline)
    lines = []
    for name, rules in grammar.alternatives.items():
        options = grammar.options.get(name, RuleOptions())
        alternatives = [_alternative(rule, symbols, terminals) for rule in rules]
        # Many short alternatives read best in one line, anything else below each other.
        text = " | ".join(alternatives)
        if len(text) > 100:
            text = "\n    | ".join(alternatives)
        lines.append(f"{_head(symbols[name], options)}: {text.lstrip()}".rstrip())
    for name, tally in grammar.tallies.items():
        head = _head(symbols[name], grammar.options.get(name, RuleOptions()))
        lines.append(f"{head}: {_counted(name, tally, symbols, terminals)}".rstrip())
    specials = [terminals[t.name] for t in named if isinstance(t.pattern, Special)]
    for terminal in named:
        if not isinstance(terminal.pattern, Special):
            priority = f".{terminal.priority}" if terminal.priority else ""
            lines.append(f"{terminals[terminal.name]}{priority}: {pattern_text(terminal.pattern)}")
        elif terminal.pattern.name != terminal.name:
            raise GrammarError(f"Lark cannot say that {terminal.name!r} stands for {terminal.pattern.name!r}")
    if specials:
        lines.append(f"%declare {' '.join(specials)}")
    for terminal in named:
        lines += _restrictions(terminal, terminals[terminal.name])
    for name in grammar.ignore:
        weight = grammar.ignore_weights.get(name)
        lines.append(f"%ignore {terminals[name]}" + ("" if weight is None else f" {{{_number(weight)}}}"))
    if grammar.raw_weights:
        lines.append("%weights raw")
    return "\n".join(lines) + "\n"


def terminal_title(terminal: TerminalDefinition) -> str:
    """A terminal's name in messages: one that was written without a name is shown as what it matches."""
    name, pattern = terminal.name, terminal.pattern
    if terminal.variant_of is not None:
        return pattern.title if isinstance(pattern, Machine) else terminal.variant_of
    if not (name.startswith("__") or name == anonymous_name(pattern)):
        return name
    if isinstance(pattern, Literal) and isinstance(pattern.text, bytes):
        return repr(pattern.text)
    try:
        return pattern_text(pattern)
    except GrammarError:  # not every pattern has a text
        return pattern.title if isinstance(pattern, Machine) else name


def _is_unnamed(terminal: TerminalDefinition) -> bool:
    """Whether the terminal has the name that it gets when written in place."""
    if terminal.priority or terminal.is_restricted or isinstance(terminal.pattern, Special):
        return False
    in_place = isinstance(terminal.pattern, (Literal, Regex))
    return terminal.name.startswith("__") or (in_place and terminal.name == anonymous_name(terminal.pattern))


def _restrictions(terminal: TerminalDefinition, name: str) -> list[str]:
    """Directives for what a terminal asks of its neighbours, and for the texts that it leaves to others."""
    lines = []
    if terminal.reserved:
        lines.append(f"%reserve {name}: {' | '.join(map(pattern_text, terminal.reserved))}")
    if terminal.follow is not None:
        wrong = ([_outside(terminal.follow)] if _outside(terminal.follow) else []) + ["$"] * (not terminal.follow.edge)
        lines.append(f"%follow {name}: /{'|'.join(wrong) or _NO_CHARACTER}/")
    if terminal.precede is not None:
        wrong = ["^"] * (not terminal.precede.edge) + (
            [_outside(terminal.precede)] if _outside(terminal.precede) else []
        )
        lines.append(f"%precede {name}: /{'|'.join(wrong) or _NO_CHARACTER}/")
    return lines


def _outside(neighbour: Neighbour) -> str:
    """A character class of the code points that may not stand there; empty where all may."""
    if not neighbour.characters:
        return "[\\s\\S]"
    bounds = (0, *neighbour.characters, 0x110000)
    ranges = [(low, end - 1) for low, end in zip(bounds[::2], bounds[1::2], strict=True) if low < end]
    if not ranges:
        return ""
    return f"[{''.join(_member(low) if low == last else f'{_member(low)}-{_member(last)}' for low, last in ranges)}]"


def _member(code: int) -> str:
    """A character in a class, spelled so that neither Lark nor the expression takes it for anything else."""
    char = chr(code)
    if char.isalnum() and char.isascii():
        return char
    if code < 0x80:
        return f"\\{code:03o}"
    return char if char.isprintable() else _code(char)


def _head(name: str, options: RuleOptions) -> str:
    marks = ("?" if options.inline_single_child else "") + ("!" if options.keep_all_tokens else "")
    return f"{marks}{name}" + (f".{options.priority}" if options.priority else "")


def _alternative(rule: Rule, symbols: dict[str, str], terminals: dict[str, str]) -> str:
    parts = [_symbol(symbol, symbols, terminals) for symbol in rule.rhs]
    if rule.weight is not None:
        parts.append(f"[{_number(rule.weight)}]")
    return " ".join(parts) + (f" -> {rule.alias}" if rule.alias is not None else "")


def _number(weight: float) -> str:
    """The shortest decimal fraction that is read back as the same number."""
    return repr(float(weight))


def _counted(name: str, tally: Tally, symbols: dict[str, str], terminals: dict[str, str]) -> str:
    """A tally as a repetition, which it is where entries are only counted."""

    def written(part: tuple[Symbol, ...]) -> str:
        return " ".join(_symbol(symbol, symbols, terminals) for symbol in part)

    plain = all(not (entry.once or entry.required or entry.marked) for entry in tally.entries)
    most = tally.most if tally.entries else 0
    if not plain or tally.least_marked or (most is not None and tally.least > most):
        raise GrammarError(f"Lark cannot express {name!r}, a tally that does more than count its entries")
    if most == 0:
        return ""
    entry = f"({' | '.join(written(entry.symbols) for entry in tally.entries)})"
    further = f"({written(tally.separator)} {entry})"
    if most is None:
        least = max(tally.least - 1, 0)
        rest = f"{further}*" if not least else f"{further}+" if least == 1 else f"{further}~{least} {further}*"
    else:
        rest = f"{further}~{max(tally.least - 1, 0)}..{most - 1}" if most > 1 else ""
    text = f"{entry} {rest}".rstrip()
    return text if tally.least else f"[{text}]"


def _symbol(symbol: Symbol, symbols: dict[str, str], terminals: dict[str, str]) -> str:
    return terminals[symbol.name] if isinstance(symbol, Terminal) else symbols[symbol.name]


def pattern_text(pattern: Pattern) -> str:
    """Print a pattern as part of a Lark rule or terminal, in brackets where it needs them.

    Raises
    ------
    GrammarError
    """
    if isinstance(pattern, Literal):
        return _literal_text(pattern)
    if isinstance(pattern, Regex):
        return f"/{_regex_text(pattern)}/{pattern.flags}"
    if isinstance(pattern, Sequence):
        return f"({' '.join(map(pattern_text, pattern.parts))})"
    if isinstance(pattern, Choice):
        if not pattern.parts:
            return "/[^\\s\\S]/"
        return f"({' | '.join(map(pattern_text, pattern.parts))})"
    if isinstance(pattern, Repeat):
        return _repeat_text(pattern)
    if isinstance(pattern, Counted):
        return pattern_text(pattern.expanded())
    if isinstance(pattern, Nonempty):
        raise GrammarError(f"Lark cannot express {pattern_text(pattern.part)} without the empty text")
    if isinstance(pattern, Machine):
        raise GrammarError(f"Lark cannot express {pattern.title}, which is given as an automaton")
    raise GrammarError(f"the special token {pattern.name!r} cannot be part of another terminal")


def _repeat_text(pattern: Repeat) -> str:
    part = f"({pattern_text(pattern.part)})"
    operator = {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((pattern.least, pattern.most))
    if operator is not None:
        return part + operator
    if pattern.most is None:
        return f"({part}~{pattern.least} {part}*)"
    return f"{part}~{pattern.least}..{pattern.most}"


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\\": "\\\\", '"': '\\"'}


def _literal_text(literal: Literal) -> str:
    text = literal.text
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            raise GrammarError(f"Lark cannot express the bytes {text!r}, which are not UTF-8") from None
    if not text:
        raise GrammarError("Lark cannot express an empty string; make the rule optional instead")
    escaped = "".join(_ESCAPES.get(char) or (char if char.isprintable() else _code(char)) for char in text)
    return f'"{escaped}"' + ("i" if literal.ignore_case else "")


def _code(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_EVALUATED = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nftr]))", re.ASCII)
_CONTROL = {"n": "\n", "f": "\f", "t": "\t", "r": "\r"}


def _regex_text(pattern: Regex) -> str:
    r"""Write an expression so that it survives Lark's own unescaping.

    Lark evaluates ``\n \x2a \u002a`` before :mod:`re` sees them, so that
    ``\x2a`` would become an operator: such escapes are printed in octal.
    """
    source = pattern.source
    written: list[str] = []
    position = 0
    while position < len(source):
        char = source[position]
        evaluated = _EVALUATED.match(source, position)
        if evaluated:
            x, u, long, control = evaluated.groups()
            code = ord(_CONTROL[control]) if control else int(x or u or long, 16)
            written.append(_octal(code))
            position = evaluated.end()
        elif char == "\\" and source[position + 1] != '"':
            written.append(_escaped(source[position + 1], verbose="x" in pattern.flags))
            position += 2
        else:
            # An escaped quote is a quote; the backslash would be lost on Lark.
            position += char == "\\"
            written.append(_plain(source[position], after_backslash=written[-1:] == ["\\\\"]))
            position += 1
    return "".join(written) or "(?:)"


def _octal(code: int) -> str:
    return f"\\{code:03o}" if code < 0x100 else chr(code)


def _plain(char: str, *, after_backslash: bool) -> str:
    if char == "/":
        return "\\/"
    if char == '"' and after_backslash:
        # Lark would take the backslash before it for the quote's.
        return "\\042"
    if not char.isprintable():
        # Evaluated by Lark, so that the expression holds the character itself again.
        return _ESCAPES.get(char) or _code(char)
    return char


def _escaped(char: str, *, verbose: bool) -> str:
    if not char.isprintable():
        return _octal(ord(char)) if verbose or char not in _ESCAPES else _ESCAPES[char]
    return "\\" + char
