"""The rules of a grammar as a front end writes them: numbers.

A schema becomes thousands of rules that nobody looks at: the compiler wants numbers.  So nothing else is written, and
the symbolic rules of a grammar are made of them if someone asks.  A terminal is a number from 0, a nonterminal the
complement of one (``~n``), so that a symbol is one ``int`` and its sign says what it is.
"""

from libc.stdint cimport int32_t, uint32_t

from stolcke._core.rules cimport MANY

__all__ = ["WrittenRules"]

PARTS = ("rest", "named", "member", "items", "item")
"""What nonterminals are called that are made for a part of another one."""

cdef enum:
    REST = 0
    NAMED = 1
    MEMBER = 2


cdef class WrittenRules:
    """The rules, tallies and terminals of a grammar that is being written.

    Attributes
    ----------
    patterns : list
        Of each terminal, what it matches; never the empty text.
    titles : list of str
        Of each terminal, what it would be called.
    """

    def __cinit__(self):
        self.patterns = []
        self.titles = []
        self.wanted = []

    @classmethod
    def of_symbols(cls, rules, tallies, str start not None, dict terminals not None, terminal):
        """Write down a symbolic grammar, whose names are kept.

        Parameters
        ----------
        rules : iterable
            Each has ``lhs`` and ``rhs``, of symbols that have a ``name``.
        tallies : mapping of str to tally
            Each has ``entries``, ``separator`` and bounds, as :class:`stolcke.grammar.model.Tally` does.
        start : str
        terminals : dict of str to pattern
        terminal : type
            What symbols that are terminals are instances of.
        """
        cdef WrittenRules self = cls()
        cdef dict numbers = {}, known
        cdef str name
        self.is_named = True
        self.patterns = list(terminals.values())
        self.titles = list(terminals)
        known = {name: number for number, name in enumerate(terminals)}
        rules = tuple(rules)
        for one in rules:
            name = one.lhs.name
            if name not in numbers:
                numbers[name] = self.nonterminal(name)
        for name in tallies:
            numbers[name] = self.nonterminal(name)
        self.start = ~<int32_t>numbers[start]
        for one in rules:
            self.rule(numbers[one.lhs.name], *numbered(one.rhs, known, numbers, terminal))
        for name, one in tallies.items():
            entries = [(numbered(part.symbols, known, numbers, terminal), part.once, part.required, part.marked)
                       for part in one.entries]
            separator = numbered(one.separator, known, numbers, terminal)
            self.tally(numbers[name], entries, separator, one.least, one.most, one.least_marked, one.most_marked)
        return self

    # --- symbols -------------------------------------------------------------------------------------------------

    def terminal(self, pattern, str title not None):
        """Add a terminal.

        Returns
        -------
        int
            Its symbol.
        """
        self.titles.append(title)
        self.patterns.append(pattern)
        return len(self.patterns) - 1

    def nonterminal(self, str wanted not None):
        """Add a nonterminal; the first one is the start unless another is said to be.

        Parameters
        ----------
        wanted : str
            What it would be called.

        Returns
        -------
        int
            Its symbol.
        """
        self.owner.push_back(-1)
        self.part.push_back(0)
        self.wanted.append(wanted)
        return ~<int32_t>(len(self.wanted) - 1)

    def part_of(self, int32_t owner, str part not None):
        """Add a nonterminal for a part of another one, and called after it.

        Parameters
        ----------
        owner : int
            The symbol of the other one.
        part : str
            One of PARTS.

        Returns
        -------
        int
            Its symbol.
        """
        self.check(owner)
        return self.add_part(owner, PARTS.index(part))

    cdef int32_t add_part(self, int32_t owner, int32_t part) except 0:
        self.owner.push_back(~owner)
        self.part.push_back(part)
        self.wanted.append(None)
        return ~<int32_t>(len(self.wanted) - 1)

    # --- rules ---------------------------------------------------------------------------------------------------

    def rule(self, int32_t lhs, *rhs):
        """Add a rule."""
        cdef Rule rule
        self.check(lhs)
        rule.lhs = <uint32_t>~lhs
        rule.weight = 0
        self.put_tuple(rhs, &rule.rhs)
        self.rules.push_back(rule)

    cdef int check(self, int32_t lhs) except -1:
        """Refuse what is no nonterminal."""
        if not 0 <= ~lhs < len(self.wanted):
            raise ValueError(f"there is no nonterminal {lhs}")
        return 0

    cdef int put(self, int32_t symbol) except -1:
        """Add a symbol to the right-hand side that is being written."""
        if symbol >= <int32_t>len(self.patterns) or ~symbol >= <int32_t>len(self.wanted):
            raise ValueError(f"there is no symbol {symbol}")
        self.symbols.push_back(symbol)
        return 0

    cdef int end_rule(self, int32_t lhs, size_t begin) except -1:
        """Add the rule whose right-hand side is the last symbols from ``begin`` on."""
        cdef Rule rule
        rule.lhs = <uint32_t>~lhs
        rule.weight = 0
        rule.rhs.begin = <uint32_t>begin
        rule.rhs.end = <uint32_t>self.symbols.size()
        self.rules.push_back(rule)
        return 0

    cdef int put_tuple(self, tuple symbols, String* out) except -1:
        out.begin = <uint32_t>self.symbols.size()
        for symbol in symbols:
            self.put(symbol)
        out.end = <uint32_t>self.symbols.size()
        return 0

    def members_in_order(self, int32_t lhs, tuple structure not None, list members not None, list others not None,
                         bint may_be_empty):
        """Add the rules of an object that has its declared members in their order, and others anywhere between them.

        Behind so many of the declared members, ``rest`` is what may follow a member, and ``named`` the next declared
        one; they are written from the last to the first.

        Parameters
        ----------
        lhs : int
            Nonterminal of the object.
        structure : tuple of four symbols
            What opens an object, what closes it, one without members, and what separates members.
        members : list of (symbol, symbol, bool)
            Name, value, and whether it is required, of each declared member.
        others : list of (symbol, symbol)
            Names and values of any other members.
        may_be_empty : bool
            Whether an object without members will do, as far as that is not for ``members`` to say.
        """
        cdef int32_t[4] parts
        cdef vector[Member] declared, more
        cdef Member member
        cdef Py_ssize_t i
        self.check(lhs)
        if len(structure) != 4:
            raise ValueError("an object has four structural symbols")
        for i in range(4):
            parts[i] = structure[i]
        for name, value, required in members:
            member.name, member.value, member.required = name, value, required
            declared.push_back(member)
        member.required = False
        for name, value in others:
            member.name, member.value = name, value
            more.push_back(member)
        self.write_members(lhs, parts, declared, more, may_be_empty)

    cdef int write_members(self, int32_t lhs, const int32_t* structure, const vector[Member]& members,
                           const vector[Member]& others, bint may_be_empty) except -1:
        cdef int32_t rest = 0, named = 0, member = 0, after, behind
        cdef size_t index = members.size() + 1, begin, i
        cdef bint all_optional = True
        while index:
            index -= 1
            after, behind = named, rest
            if index < members.size():
                named = self.add_part(lhs, NAMED)
                begin = self.symbols.size()
                self.put(members[index].name)
                self.put(members[index].value)
                self.put(behind)
                self.end_rule(named, begin)
                if members[index].required:
                    all_optional = False
                elif after:
                    begin = self.symbols.size()
                    self.put(after)
                    self.end_rule(named, begin)
            rest = self.add_part(lhs, REST)
            if all_optional:
                begin = self.symbols.size()
                self.put(structure[1])
                self.end_rule(rest, begin)
            member = named
            if others.size():
                member = self.add_part(lhs, MEMBER)
                for i in range(others.size()):
                    begin = self.symbols.size()
                    self.put(others[i].name)
                    self.put(others[i].value)
                    self.put(rest)
                    self.end_rule(member, begin)
                if named:
                    begin = self.symbols.size()
                    self.put(named)
                    self.end_rule(member, begin)
            if member:
                begin = self.symbols.size()
                self.put(structure[3])
                self.put(member)
                self.end_rule(rest, begin)
        if all_optional and may_be_empty:
            begin = self.symbols.size()
            self.put(structure[2])
            self.end_rule(lhs, begin)
        if member:
            begin = self.symbols.size()
            self.put(structure[0])
            self.put(member)
            self.end_rule(lhs, begin)
        return 0

    def tally(self, int32_t lhs, entries, tuple separator not None, least=0, most=None, least_marked=0,
              most_marked=None):
        """Let a nonterminal be a tally.

        Parameters
        ----------
        lhs : int
            Its symbol.
        entries : iterable of (tuple of symbols, bool, bool, bool)
            What each entry is written as; whether it occurs at most once, at least once, and whether it is marked.
        separator : tuple of symbols
        least, most, least_marked, most_marked : int or None
            As in :class:`stolcke.grammar.model.Tally`.
        """
        cdef Tally tally
        cdef Entry entry
        self.check(lhs)
        tally.lhs = <uint32_t>~lhs
        tally.begin = <uint32_t>self.entries.size()
        entry.tally = <uint32_t>self.tallies.size()
        entry.number = 0
        for symbols, once, required, marked in entries:
            entry.once, entry.required, entry.marked = once, required, marked
            self.put_tuple(symbols, &entry.symbols)
            self.entries.push_back(entry)
            entry.number += 1
        tally.end = <uint32_t>self.entries.size()
        self.put_tuple(separator, &tally.separator)
        tally.least[0], tally.least[1] = min(least, MANY), min(least_marked, MANY)
        tally.most[0] = MANY if most is None else min(most, MANY)
        tally.most[1] = MANY if most_marked is None else min(most_marked, MANY)
        self.tallies.push_back(tally)

    # --- what was written ----------------------------------------------------------------------------------------

    @property
    def n_rules(self):
        """Number of rules."""
        return self.rules.size()

    @property
    def n_parts(self):
        """Number of rules, terminals and entries of tallies together."""
        return self.rules.size() + len(self.patterns) + self.entries.size()

    @property
    def most_entries(self):
        """Number of entries of the largest tally."""
        cdef size_t i, most = 0
        for i in range(self.tallies.size()):
            most = max(most, <size_t>(self.tallies[i].end - self.tallies[i].begin))
        return most

    @property
    def start_name(self):
        """Name of the start."""
        return self.wanted[self.start]

    def names(self):
        """Names of the terminals and of the nonterminals, no two of them the same unless they were given.

        Returns
        -------
        terminals, nonterminals : list of str
        """
        cdef dict taken = {}
        cdef list terminals, nonterminals = []
        cdef Py_ssize_t i
        if self.is_named:
            return self.titles, self.wanted
        # The start has the first choice.
        for i in range(len(self.wanted)):
            if i == 1:
                break
            nonterminals.append(fresh(taken, self.wanted[0]))
        terminals = [fresh(taken, title) for title in self.titles]
        for i in range(1, len(self.wanted)):
            wanted = self.wanted[i]
            if wanted is None:
                wanted = f"{nonterminals[self.owner[i]]}_{PARTS[self.part[i]]}"
            nonterminals.append(fresh(taken, wanted))
        return terminals, nonterminals

    def symbolic_rules(self):
        """Go through the rules, as (symbol, tuple of symbols)."""
        cdef size_t i
        return [(~<int32_t>self.rules[i].lhs, self.symbols_of(self.rules[i].rhs)) for i in range(self.rules.size())]

    def symbolic_tallies(self):
        """Go through the tallies, as the arguments of :meth:`tally` in their order."""
        cdef size_t i
        cdef uint32_t k
        cdef Entry entry
        cdef const Tally* tally
        cdef list found = [], entries
        for i in range(self.tallies.size()):
            tally = &self.tallies[i]
            entries = []
            for k in range(tally.begin, tally.end):
                entry = self.entries[k]
                entries.append((self.symbols_of(entry.symbols), bool(entry.once), bool(entry.required),
                                bool(entry.marked)))
            bounds = [tally.least[0], tally.most[0], tally.least[1], tally.most[1]]
            for k in range(1, 4, 2):
                bounds[k] = None if bounds[k] == MANY else bounds[k]
            found.append((~<int32_t>tally.lhs, entries, self.symbols_of(tally.separator), *bounds))
        return found

    cdef tuple symbols_of(self, String s):
        cdef uint32_t k
        return tuple([self.symbols[k] for k in range(s.begin, s.end)])


cdef tuple numbered(symbols, dict terminals, dict nonterminals, terminal):
    """Symbols as numbers."""
    return tuple([terminals[each.name] if isinstance(each, terminal) else nonterminals[each.name] for each in symbols])


cdef str fresh(dict names, str wanted):
    """Give a name that is not in use, and note that it is now; each has the number to try next for another one."""
    cdef object count = names.get(wanted)
    cdef str name
    cdef Py_ssize_t n
    if count is None:
        names[wanted] = 1
        return wanted
    n = count
    name = f"{wanted}_{n}"
    while name in names:             # a schema may itself call something by a name and a number
        n += 1
        name = f"{wanted}_{n}"
    names[wanted] = n + 1
    names[name] = 1
    return name
