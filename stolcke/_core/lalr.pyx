"""The loop of an LALR parser whose tables, tokens and trees are somebody else's."""

from libc.stdint cimport int32_t, uint8_t
from libcpp.vector cimport vector

__all__ = ["Parser"]


cdef enum:                              # what becomes of a child of a node
    DROPPED = 0
    KEPT = 1
    SPLICED = 2                         # a list: its elements are children themselves

cdef enum:                              # what a rule makes
    NODE = 0
    ONLY_CHILD = 1                      # a node, or its child where it has just one
    LIST = 2                            # children of the node above


cdef class Parser:
    """A parser for one grammar.

    Parameters
    ----------
    pattern : re.Pattern
        Matches one token, in a group of its own.
    terminals : int32[groups + 1]
        Number of the terminal that each group of the pattern is, -1 where it is ignored.
    names : list of str
        Of the terminals; the end of the text is the last one.
    kept : uint8[terminals]
        Whether tokens of the terminal are kept in nodes.
    actions : int32[states, terminals]
        ``s + 1`` to go on to state ``s``, ``-1 - r`` to apply rule ``r``, 0 for an error.
    gotos : int32[states, nonterminals]
    start, end : int
        States before and after the start symbol.
    rules : list of (int, str, int, bytes)
        Of each rule the nonterminal's number, its name, what the rule makes, and
        what becomes of each child.
    node, token : type
        Lark's classes of trees and tokens, which are made here without a call of Python code.
    """

    cdef object pattern, node, token
    cdef list names, rules
    cdef int32_t[::1] terminals
    cdef uint8_t[::1] kept
    cdef int32_t[:, ::1] actions, gotos
    cdef int32_t start, end

    def __init__(
        self, pattern, terminals, list names, kept, actions, gotos, int start, int end, list rules, node, token
    ):
        self.pattern = pattern
        self.terminals = terminals
        self.names = names
        self.kept = kept
        self.actions = actions
        self.gotos = gotos
        self.start = start
        self.end = end
        self.rules = rules
        self.node = node
        self.token = token

    def parse(self, str text):
        """Give the tree of a text, None where it is not in the language."""
        cdef vector[int32_t] states
        cdef list values = []
        cdef Py_ssize_t place = 0, begin, end, line = 1, line_begin = 0, i
        cdef int32_t terminal
        cdef object value
        states.push_back(self.start)
        for match in self.pattern.finditer(text):
            begin, end = match.span()
            if begin != place:
                return None
            place = end
            terminal = self.terminals[<Py_ssize_t>match.lastindex]
            value = None
            if terminal >= 0 and self.kept[terminal]:
                value = self.token_at(terminal, text[begin:end], begin, line, begin - line_begin + 1)
            for i in range(begin, end):
                if text[i] == u"\n":
                    line += 1
                    line_begin = i + 1
            if terminal < 0:
                continue
            if value is not None:
                value.end_line = line
                value.end_column = end - line_begin + 1
                value.end_pos = end
            if not self.feed(states, values, terminal):
                return None
            values.append(value)
        if place != len(text) or not self.feed(states, values, <int32_t>self.kept.shape[0] - 1):
            return None
        return values[0]

    cdef object token_at(self, int32_t terminal, str value, Py_ssize_t begin, Py_ssize_t line, Py_ssize_t column):
        cdef object token = str.__new__(self.token, value)
        token.type = self.names[terminal]
        token.start_pos = begin
        token.value = value
        token.line = line
        token.column = column
        return token

    cdef bint feed(self, vector[int32_t]& states, list values, int32_t terminal) except? True:
        """Apply the rules that end before a terminal; whether the terminal may follow."""
        cdef int32_t action
        cdef tuple rule
        cdef Py_ssize_t size
        cdef object value
        while True:
            action = self.actions[states.back(), terminal]
            if action >= 0:
                if action > 0:
                    states.push_back(action - 1)
                return action > 0
            rule = <tuple>self.rules[-1 - action]
            size = len(<bytes>rule[3])
            value = self.made(rule, values, len(values) - size)
            states.resize(states.size() - size)
            while size:
                values.pop()
                size -= 1
            values.append(value)
            states.push_back(self.gotos[states.back(), <int32_t>rule[0]])
            if states.back() == self.end:
                return True

    cdef object made(self, tuple rule, list values, Py_ssize_t first):
        """What a rule makes of the topmost values."""
        cdef const uint8_t* children = <bytes>rule[3]
        cdef Py_ssize_t i
        cdef list found = None
        cdef object node
        for i in range(len(<bytes>rule[3])):
            if children[i] == SPLICED:
                if found is None:
                    found = <list>values[first + i]     # of a left-recursive rule: it grows in place
                else:
                    found.extend(<list>values[first + i])
            elif children[i] == KEPT:
                if found is None:
                    found = []
                found.append(values[first + i])
        if found is None:
            found = []
        if rule[2] == LIST:
            return found
        if rule[2] == ONLY_CHILD and len(found) == 1:
            return found[0]
        node = self.node.__new__(self.node)
        node.data = rule[1]
        node.children = found
        node._meta = None
        return node
