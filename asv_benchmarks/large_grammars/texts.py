"""Seeded texts of the large grammars: programs, and scripts of SQL commands.

The same name and seed give the same texts everywhere. All of them are in the
language of their grammar; :func:`mutations` makes texts that mostly are not.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

__all__ = ["NAMES", "expressions", "grammar", "ignoring", "mutations", "small_texts", "texts"]

NAMES = ("clike", "sql")

# fmt: off
WORDS = (
    "user", "order", "total", "price", "count", "index", "value", "items", "name", "result", "buffer", "length",
    "status", "config", "data", "node", "left", "right", "parent", "child", "weight", "depth", "alpha", "beta",
    "gamma", "delta", "offset", "width", "height", "color", "margin", "city", "street", "country", "email", "phone",
    "created_at", "updated_at", "customer_id", "product_id", "quantity", "balance", "account", "payment",
    "shipped_at",
)
# fmt: on
PHRASES = ("new order", "Zoë's café", "out of range", "naïve value", "done", "%d items in %s", "日本", "a, b and c")


def grammar(name: str) -> str:
    """Return the Lark text of a large grammar."""
    return (Path(__file__).parent / f"{name}.lark").read_text(encoding="utf-8")


def ignoring(name: str) -> str:
    """Return the Lark text of a large grammar whose white space and comments are ignored, and not in its rules."""
    lines, is_blank = [], False
    for line in grammar(name).splitlines():
        if re.match(r"\w+\s*:", line):
            is_blank = re.match(r"(ws|gap|comments)\b", line) is not None
        if not is_blank and not line.startswith("//"):
            is_rule = not re.match(r"[A-Z_]+\s*:", line)
            lines.append(re.sub(r"\b(ws|gap)\b", "", line) if is_rule else line)
    return "\n".join([*lines, "%ignore WS", "%ignore COMMENT", ""])


def texts(name: str, count: int = 12) -> list[str]:
    """Make texts of 0.5 to 4 kB that the grammar derives."""
    random = Random(f"large-{name}")
    make = WRITERS[name]
    return [make(random, 500 + 3000 * number // max(1, count - 1)) for number in range(count)]


def small_texts(name: str, count: int = 6) -> list[str]:
    """Make texts short enough for slow parsers, a single piece each."""
    random = Random(f"small-{name}")
    pieces: list[str] = []
    while len(pieces) < count:
        piece = WRITERS[name](random, 1)
        if 60 < len(piece) < 350:
            pieces.append(piece)
    return pieces


def mutations(name: str, count: int = 24) -> list[str]:
    """Change one character in each of some small texts; a few of the results may still be right."""
    random = Random(f"mutations-{name}")
    changed = []
    for text in small_texts(name) * (count // 6):
        at = random.randrange(len(text))
        changed.append(text[:at] + random.choice(["", "@", ")", "{", "\\", '"', "'", ";"]) + text[at + 1 :])
    return changed


def expressions(size: int = 100_000) -> str:
    """Make one program of `size` bytes or a little more, nearly all of it long expressions."""
    random = Random("expressions")
    lines = ["int main(void) {\n"]
    length = 0
    while length < size:
        lines.append(f"    {random.choice(WORDS)} = {c_expression(random, 7)};\n")
        length += len(lines[-1].encode())
    return "".join([*lines, "    return 0;\n}\n"])


# ---- the language like C


C_TYPES = (
    "int",
    "char",
    "double",
    "bool",
    "unsigned",
    "Node",
    "Item",
    "Table",
    "const char",
    "unsigned long",
    "static int",
)
C_BINARY = ("+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "&", "|", "^", "<<", ">>")
C_ASSIGN = ("=", "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "%=", "^=")


def c_typed(random: Random) -> str:
    """Write a type and a name, perhaps of a pointer."""
    return f"{random.choice(C_TYPES)} {random.choice(['', '', '*', '**'])}{random.choice(WORDS)}"


def c_atom(random: Random) -> str:
    kind = random.randrange(10)
    if kind < 5:
        return random.choice(WORDS)
    if kind == 5:
        return random.choice([f"0x{random.randrange(1 << 16):X}", "'\\n'", "'x'", "true", "NULL", "MAX_SIZE", "10UL"])
    if kind == 6:
        return f'"{random.choice(PHRASES)}"'
    if kind == 7:
        return f"{random.uniform(0, 100):.{random.randint(1, 6)}f}{random.choice(['', 'f', 'e-3'])}"
    return str(random.randrange(10000))


def c_expression(random: Random, depth: int) -> str:
    if depth <= 0 or random.random() < 0.15:
        return c_atom(random)
    kind = random.random()
    if kind < 0.6:
        space = random.choice([" ", " ", " ", ""])
        # Without blanks, `a/ *b` and `a- -b` would become something else.
        operator = random.choice(C_BINARY) if space else random.choice("+*<=")
        operator = "==" if operator == "=" else operator
        return f"{c_expression(random, depth - 1)}{space}{operator}{space}{c_expression(random, depth - 1)}"
    inner = c_expression(random, depth - 2)
    name = random.choice(WORDS)
    return random.choice(
        [
            f"({inner})",
            f"({inner})",
            f"{name}[{inner}]",
            f"{name}->{random.choice(WORDS)}.{random.choice(WORDS)}",
            f"{name}({inner}, {c_expression(random, depth - 3)})",
            f"{name}()",
            f"!{name}",
            f"-({inner})",
            f"*{name}",
            f"&{name}[{c_atom(random)}]",
            f"(double)({inner})",
            f"(Node *){name}",
            "sizeof(Item)",
            f"({inner} ? {c_atom(random)} : {c_expression(random, depth - 2)})",
            f"{name}++",
            f"--{name}",
        ]
    )


def c_statement(random: Random, depth: int, indent: str) -> str:
    kind = random.random()
    if depth <= 0 or kind < 0.35:
        target = random.choice(WORDS) + random.choice(["", "", "[i]", "->next", ".size"])
        return f"{indent}{target} {random.choice(C_ASSIGN)} {c_expression(random, 3)};\n"
    if kind < 0.5:
        return f"{indent}{c_typed(random)} = {c_expression(random, 3)}{random.choice(['', ', i = 0, *p'])};\n"
    condition = c_expression(random, 2)
    block = c_block(random, depth - 1, indent)
    return indent + random.choice(
        [
            f"if ({condition}) {block}\n",
            f"if ({condition}) {block} else {c_block(random, depth - 1, indent)}\n",
            f"if ({condition})\n{c_statement(random, 0, indent + '    ')}",
            f"while ({condition}) {block}\n",
            f"do {block} while ({condition});\n",
            f"for (int i = 0; i < {c_atom(random)}; i++) {block}\n",
            f"for (;;) {block}\n",
            f"switch ({condition}) {{\n{indent}case 1:\n{c_statement(random, 0, indent + '    ')}{indent}    break;\n"
            f"{indent}default:\n{c_statement(random, 0, indent + '    ')}{indent}}}\n",
            f"{random.choice(WORDS)}({condition}, &{random.choice(WORDS)});\n",
            f"// {random.choice(PHRASES)}\n",
            f"return {condition};\n",
            f"{random.choice(C_TYPES)} {random.choice(WORDS)}[9] = {{{c_atom(random)}, .size = 3, [2] = 1}};\n",
        ]
    )


def c_block(random: Random, depth: int, indent: str) -> str:
    inside = "".join(c_statement(random, depth, indent + "    ") for _ in range(random.randint(1, 4)))
    return f"{{\n{inside}{indent}}}"


def c_item(random: Random) -> str:
    name = random.choice(WORDS)
    upper = name.replace("_", " ").title().replace(" ", "")
    members = "".join(f"    {c_typed(random)}{random.choice(['', '[8]'])};\n" for _ in range(random.randint(1, 4)))
    parameters = ", ".join(c_typed(random) for _ in range(random.randint(0, 3)))
    function = f"{c_typed(random)}({parameters}) {c_block(random, 3, '')}\n"
    return random.choice(
        [
            f"#define {name.upper()}_SIZE {random.randrange(4096)}\n",
            f"/* {random.choice(PHRASES)} */\nstruct {upper} {{\n{members}    unsigned flags : 3;\n}};\n",
            f"typedef struct {{\n{members}}} {upper};\n",
            f"typedef {random.choice(C_TYPES)} *{upper};\n",
            f"enum {upper} {{ {name.upper()}_A, {name.upper()}_B = {random.randrange(99)} }};\n",
            f"static const char *{name} = {c_expression(random, 1)};\n",
            f"int (*{name})(int, void *);\n",
            *[function] * 8,
        ]
    )


def c_program(random: Random, size: int) -> str:
    text = random.choice(["", "#include <stdio.h>\n\n"]) if size > 1 else ""
    pieces = [text + c_item(random)]
    while sum(map(len, pieces)) < size:
        piece = c_item(random)
        if len(piece) < 1500:
            pieces.append(piece)
    return "\n".join(pieces)


# ---- SQL


SQL_TYPES = ("INTEGER", "BIGINT", "TEXT", "VARCHAR(80)", "NUMERIC(10, 2)", "TIMESTAMP WITH TIME ZONE", "TEXT[]")
SQL_COMPARE = ("=", "<>", "<", "<=", ">", ">=")


def sql_column(random: Random) -> str:
    return random.choice(["", "", "t.", "o."]) + random.choice(WORDS)


def sql_literal(random: Random) -> str:
    number = f"{random.uniform(0, 10000):.{random.randint(1, 3)}f}"
    integer, phrase = number.split(".")[0], random.choice(PHRASES).replace("'", "''")
    return random.choice([integer, number, f"'{phrase}'", "NULL", "TRUE", "DATE '2024-05-15'", "$1"])


def sql_value(random: Random, depth: int) -> str:
    if depth <= 0 or random.random() < 0.35:
        return random.choice([sql_column, sql_column, sql_literal])(random)
    left, right = sql_value(random, depth - 1), sql_value(random, depth - 1)
    return random.choice(
        [
            f"{left} {random.choice(['+', '-', '*', '/', '%', '||'])} {right}",
            f"{left} {random.choice(['+', '-', '*', '/'])} {right}",
            f"({left} + {right})",
            f"COALESCE({left}, {right})",
            f"LOWER({sql_column(random)})",
            f"format_name({left}, {right})",
            f"CAST({left} AS {random.choice(SQL_TYPES)})",
            f"{sql_column(random)}::{random.choice(SQL_TYPES)}",
            f"CASE WHEN {sql_condition(random, depth - 1)} THEN {left} ELSE {right} END",
            f"EXTRACT(YEAR FROM {sql_column(random)})",
        ]
    )


def sql_condition(random: Random, depth: int) -> str:
    if depth <= 0 or random.random() < 0.3:
        return f"{sql_column(random)} {random.choice(SQL_COMPARE)} {sql_value(random, depth)}"
    left = sql_condition(random, depth - 1)
    column = sql_column(random)
    return random.choice(
        [
            f"{left} AND {sql_condition(random, depth - 1)}",
            f"{left} OR {sql_condition(random, depth - 1)}",
            f"({left} OR {column} IS NULL) AND {column} IS NOT NULL",
            f"NOT {left}",
            f"{column} {random.choice(['', 'NOT '])}IN ({sql_literal(random)}, {sql_literal(random)})",
            f"{column} BETWEEN {sql_value(random, depth)} AND {sql_value(random, 0)}",
            f"{column} LIKE '%{random.choice(WORDS)}%'",
            f"{column} IN ({sql_query(random, 0)})",
            f"EXISTS ({sql_query(random, 0)})",
        ]
    )


def sql_aggregate(random: Random) -> str:
    column = sql_column(random)
    return random.choice(
        [
            "COUNT(*)",
            f"COUNT(DISTINCT {column})",
            f"SUM({sql_value(random, 1)})",
            f"AVG({column}) FILTER (WHERE {sql_condition(random, 0)})",
            f"RANK() OVER (PARTITION BY {column} ORDER BY {sql_column(random)} DESC)",
            f"SUM({column}) OVER (ORDER BY {column} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
        ]
    )


def sql_query(random: Random, depth: int) -> str:
    items = [sql_value(random, depth) for _ in range(random.randint(1, 3))]
    if depth:
        items.append(f"{sql_aggregate(random)} AS {random.choice(WORDS)}")
    query = f"SELECT {random.choice(['', '', 'DISTINCT '])}{', '.join(items)}\nFROM {random.choice(WORDS)} AS t"
    for _ in range(random.randint(0, depth)):
        side = random.choice(["JOIN", "LEFT JOIN", "INNER JOIN", "FULL OUTER JOIN"])
        query += f"\n{side} {random.choice(WORDS)} o " + random.choice(
            [f"ON t.{random.choice(WORDS)} = o.{random.choice(WORDS)}", f"USING ({random.choice(WORDS)})"]
        )
    if depth and random.random() < 0.2:
        query += f"\nCROSS JOIN ({sql_query(random, depth - 1)}) AS s"
    if random.random() < 0.7:
        query += f"\nWHERE {sql_condition(random, depth)}"
    if depth and random.random() < 0.4:
        query += f"\nGROUP BY {sql_column(random)}, {sql_column(random)}\nHAVING {sql_aggregate(random)} > 1"
    if depth and random.random() < 0.15:
        query += f"\nUNION ALL\n{sql_query(random, depth - 1)}"
    if depth > 1:
        query += f"\nORDER BY {sql_column(random)} {random.choice(['ASC', 'DESC NULLS LAST'])}, 2"
        query += f"\nLIMIT {random.randrange(100)}"
    return query


def sql_rows(random: Random) -> str:
    rows = [f"({', '.join(sql_literal(random) for _ in range(3))})" for _ in range(random.randint(1, 4))]
    return ",\n    ".join(rows)


def sql_definition(random: Random) -> str:
    column = f"{random.choice(WORDS)} {random.choice(SQL_TYPES)}"
    return column + random.choice(["", " NOT NULL", " DEFAULT 0", " UNIQUE", f" CHECK ({sql_condition(random, 1)})"])


def sql_command(random: Random) -> str:
    table, column = random.choice(WORDS), random.choice(WORDS)
    definitions = ",\n    ".join(sql_definition(random) for _ in range(random.randint(1, 5)))
    setting = f"{column} = {sql_value(random, 2)}, status = DEFAULT"
    return random.choice(
        [
            *[sql_query(random, random.randint(1, 2)) for _ in range(6)],
            f"WITH recent AS ({sql_query(random, 1)})\n{sql_query(random, 1)}",
            f"INSERT INTO {table} ({column}, name, total)\nVALUES {sql_rows(random)}",
            f"INSERT INTO {table}\n{sql_query(random, 1)}\nON CONFLICT (id) DO UPDATE SET {setting}",
            f"UPDATE {table} SET {setting}\nWHERE {sql_condition(random, 2)}\nRETURNING *",
            f"DELETE FROM {table} WHERE {sql_condition(random, 2)}",
            f"CREATE TABLE IF NOT EXISTS {table} (\n    id BIGINT PRIMARY KEY,\n    {definitions},\n"
            f"    FOREIGN KEY ({column}) REFERENCES {column} (id) ON DELETE CASCADE\n)",
            f"CREATE VIEW {table} AS\n{sql_query(random, 1)}",
            f"CREATE UNIQUE INDEX by_{column} ON {table} ({column}, LOWER(name) DESC)",
            f"ALTER TABLE {table} ADD COLUMN {sql_definition(random)}",
        ]
    )


def sql_script(random: Random, size: int) -> str:
    pieces = [sql_command(random) + ";\n"]
    while sum(map(len, pieces)) < size:
        piece = sql_command(random)
        if len(piece) < 1500:
            pieces.append(random.choice(["", "", f"-- {random.choice(PHRASES)}\n"]) + piece + ";\n")
    return "\n".join(pieces)


WRITERS = {"clike": c_program, "sql": sql_script}
