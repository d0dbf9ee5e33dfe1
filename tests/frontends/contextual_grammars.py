"""Grammars for the contextual lexer, with the pieces that texts are made of."""

from __future__ import annotations

_NAME = 'NAME: /[a-z]+/\n%ignore " "'

GRAMMARS: dict[str, tuple[str, list[str], int, int]] = {
    # name: (text, pieces, most pieces, least number of texts that Lark accepts)
    "calculator": (
        """
        ?start: sum | NAME "=" sum -> assign
        ?sum: product | sum "+" product | sum "-" product
        ?product: atom | product "*" atom | product "/" atom
        ?atom: NUMBER | "-" atom | NAME | "(" sum ")"
        NUMBER: /[0-9]+(\\.[0-9]*)?/
        NAME: /[a-z]+/
        %ignore " "
        """,
        [*"a1.=+-() "],
        5,
        400,
    ),
    "json": (
        r"""
        ?start: object | array | STRING | NUMBER | "true" -> true | "false" -> false | "null" -> null
        array: "[" [start ("," start)*] "]"
        object: "{" [pair ("," pair)*] "}"
        pair: STRING ":" start
        STRING: /"[^"\\]*"/
        NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?/
        WS: /[ \n]+/
        %ignore WS
        """,
        ["[", "]", "{", "}", '"', "a", ":", ",", "1", "0", "-", ".", "true", " "],
        4,
        100,
    ),
    "statements": (
        f"""
        start: stmt+
        ?stmt: NAME "=" expr ";" | "if" expr "then" stmt | "while" expr "do" stmt | "return" [expr] ";"
        ?expr: NAME | "not" expr | expr "and" NAME
        {_NAME}
        """,
        ["a", "if", "not", "and", "then", "return", "=", ";", " "],
        5,
        50,
    ),
    "words": (
        f'start: NAME "=" e | "if" e "then" start\ne: NAME | e "+" NAME\n{_NAME}',
        ["x=if", "if", "x", " ", "=", "then", "ifx", "+"],
        4,
        300,
    ),
    "c types": (
        """
        start: (decl | expr ";")*
        decl: "unsigned"? TYPE declarator ("," declarator)* ";"
        declarator: "*"* NAME ("[" NUMBER "]")?
        ?expr: NAME | NUMBER | expr OP NAME | NAME "(" [expr ("," expr)*] ")"
        TYPE.1: "int" | "char"
        OP: "+" | "++" | "+=" | "->" | "-"
        NAME: /[a-z]+/
        NUMBER: /[0-9]+/
        COMMENT: "/*" /(.|\\n)*?/ "*/"
        %ignore COMMENT
        %ignore " "
        """,
        ["int", "unsigned", "x", "1", "*", ";", "+", "-", ">", "/*", "*/", " "],
        4,
        100,
    ),
    "shift": (
        'start: e\ne: NAME | e ">>" NAME | e ">" NAME | e ">=" NAME\nNAME: /[a-z]+/',
        [*"a>="],
        7,
        50,
    ),
    "generics": (
        """
        start: stmt+
        stmt: type NAME ";" | expr ";"
        type: NAME "<" type ">" | NAME
        expr: NAME ">>" NAME | NAME
        NAME: /[a-z]+/
        """,
        ["a", "a<", ">", ">>", ";", "a;"],
        5,
        20,
    ),
    "one that may be missing": (f'start: "static"? NAME\n{_NAME}', ["static", "a", " "], 5, 200),
    "dangling": (
        f'start: stmt+\nstmt: NAME "=" NAME | "if" NAME "then" stmt ("else" stmt)?\n{_NAME}',
        ["a", "if", "then", "else", "=", " "],
        5,
        150,
    ),
    "comments": (
        'start: (NAME | "/")+\nNAME: /[a-z]+/\nC: "//" /[^\\n]*/\n%ignore C\n%ignore /[ \\n]/',
        [*"a/ \n"],
        5,
        1000,
    ),
    "priorities": (
        'start: (IF | NAME)+\nIF.2: "if"\nNAME: /[a-z]+/\n%ignore " "',
        ["if", "a", " ", "f"],
        5,
        1000,
    ),
    "numbers": (
        "start: (INT | FLOAT | NAME | DOT)+\nINT: /[0-9]+/\nFLOAT: /[0-9]+\\.[0-9]*/\nNAME: /[a-z]+/\nDOT: /\\./",
        [*"1.a"],
        6,
        300,
    ),
    "zero": ("start: (ZERO | NAME)+\nZERO: /0|[1-9][0-9]*/\nNAME: /[a-z]+/", [*"01a"], 6, 300),
    "first alternative": ('start: A+ "c"?\nA: /a|ab/', [*"abc"], 5, 6),
    "lazy": ('start: (S | "x")+\nS: /".*?"/', ['"', "x"], 7, 20),
    "ignored words": (f'start: "if"? NAME+\nBAD: /[b-c]+/\n%ignore BAD\n{_NAME}', ["if", "a", "b", " "], 5, 100),
    "two cases": (f'start: SELECT NAME | NAME\nSELECT: "select"i\n{_NAME}', ["select", "SELECT", "a", " "], 4, 50),
    "templates": (
        f'start: list{{item, ","}} | "all"\nlist{{x, s}}: x (s x)*\nitem: NAME | "not" NAME\n{_NAME}',
        ["a", "not", "all", ",", " "],
        5,
        100,
    ),
    "counted": (f'start: ("x"~1..2 NAME)~1..2\n{_NAME}', ["x", "a", " "], 6, 50),
    "wider before": ('start: ("a" | /a+/ "b") "c"', [*"abc"], 5, 2),
    "a word of its own": (f'start: NAME "." ("class" | NAME)\n{_NAME}', ["a", "class", ".", " "], 5, 100),
}

TERMINALS = {
    "NAME": "/[a-z]+/",
    "SHORT": "/[ab]+/",
    "FIRST": "/a|ab/",
    "NUM": "/[0-9]+/",
    "FLOAT": "/[0-9]+\\.[0-9]*/",
    "HEX": "/0x[0-9a]+/",
    "PAIR.2": "/[a-c]{2}/",
    "KEY.2": '"ab"',
    "IDENT": "/[a-z][a-z0-9]*/",
    "LAZY": '/".*?"/',
    "STR": '/"[^"]*"/',
    "MAYBE": "/a?b/",
    "ZERO": "/0|[1-9][0-9]*/",
    "IF": '"if"i',
    "LETTER.-1": "/[a-z]/",
    "JOINED": '"a" ("b" | "a"~1..2)',
    "ELSE": '"else"',
    "ANGLES": "/>+/",
    "DOTS": '"." | ".."',
}
"""Competing terminals for random grammars; priorities are part of the names."""

WORDS = {
    "NAME": ["a", "if", "ab", "in", "x", "aba"],
    "SHORT": ["a", "ab", "aba"],
    "FIRST": ["a", "ab"],
    "NUM": ["0", "12"],
    "FLOAT": ["1.", "0.2"],
    "HEX": ["0x1", "0xa"],
    "PAIR": ["ab", "ba", "ca"],
    "KEY": ["ab"],
    "IDENT": ["a", "a1", "if", "ab"],
    "LAZY": ['""', '"a"'],
    "STR": ['""', '"a"'],
    "MAYBE": ["b", "ab"],
    "ZERO": ["0", "10"],
    "IF": ["if", "If", "IF"],
    "LETTER": ["a", "i", "f"],
    "JOINED": ["ab", "aa", "aaa"],
    "ELSE": ["else"],
    "ANGLES": [">", ">>", ">>>"],
    "DOTS": [".", ".."],
}
"""Texts of each."""

LITERALS = ["if", "in", "a", "ab", "aba", ">", ">>", ">=", "=", ".", "..", "-", "->", "(", ")", "0", "/", "i", ";"]

IGNORED = ['" "', "/ +/", "/\\/\\/[^;]*/", "/#[a-z]*/", "/\\s+/", "/;+/"]
