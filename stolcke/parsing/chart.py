"""Earley's chart of one text, by position, over bytes.

Column ``j`` holds items (dot, origin): what stands before the dot derives the bytes from the origin to ``j``.
Terminals are run from every position where one may begin; a match, if the byte after it can follow, advances the items
that wait for it where it ends.  Every item keeps the positions at which its last symbol may begin, so that the chart is
a forest of all derivations.

Three things keep the time linear where a grammar asks for no more.  What a column predicts depends on no position and
is remembered by the nonterminals that its items wait for; that includes dots behind symbols that derive nothing
(Aycock and Horspool 2002).  And where a single item waits for a nonterminal and ends with it, that item is complete,
too, and so on: only the last of such a chain is put into the chart (Leo 1991); the others are, when the forest needs
them.
"""

from __future__ import annotations

from stolcke.parsing.follow import END_OF_TEXT, follow_bytes
from stolcke.parsing.tables import END, Tables

__all__ = ["Chart", "Prediction", "Predictor"]

Item = tuple[int, int]
"""Dot and origin."""


class Prediction:
    """What a column predicts, wherever it is.

    Attributes
    ----------
    waiting : dict of int to list of int
        Dots before each symbol.
    terminals : list of int
        Those that may begin.
    by_byte : dict of int to list of int
        Of these, the ones that begin with a byte; for the bytes met so far.
    """

    __slots__ = ("by_byte", "terminals", "waiting")

    def __init__(self, tables: Tables, nonterminals: frozenset[int]) -> None:
        self.waiting: dict[int, list[int]] = {}
        self.by_byte: dict[int, list[int]] = {}
        pending, seen = list(nonterminals), set(nonterminals)
        while pending:
            for rule in tables.rules(pending.pop()):
                dot = tables.begin[rule]
                while (symbol := tables.after[dot]) != END:
                    self.waiting.setdefault(symbol, []).append(dot)
                    if symbol >= tables.n_terminals and symbol not in seen:
                        seen.add(symbol)
                        pending.append(symbol)
                    if not tables.nullable[symbol]:
                        break
                    dot += 1
        self.terminals = [symbol for symbol in self.waiting if symbol < tables.n_terminals]


class Predictor:
    """The predictions of one grammar, remembered, and what may follow its terminals."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.follow = follow_bytes(tables)
        self._known: dict[frozenset[int], Prediction] = {}

    def predict(self, nonterminals: frozenset[int]) -> Prediction:
        """Give what is predicted where these are waited for."""
        found = self._known.get(nonterminals)
        if found is None:
            found = self._known[nonterminals] = Prediction(self.tables, nonterminals)
        return found


class _Column:
    __slots__ = ("chains", "completed", "items", "prediction", "tops", "waiting")

    prediction: Prediction

    def __init__(self) -> None:
        self.items: dict[Item, list[int]] = {}
        self.waiting: dict[int, list[Item]] = {}
        self.completed: set[Item] = set()
        # Where chains of completions end: the last item -> the symbols (with their origins) that they begin with.
        self.chains: dict[Item, list[Item]] = {}
        # For each nonterminal the last item of the chain that its completion sets off, or None.
        self.tops: dict[int, Item | None] = {}


class Chart:
    """The chart of one text.

    Parameters
    ----------
    predictor : Predictor
    data : bytes
    lookahead : bool
        Whether to leave out matches that the next byte cannot follow.

    Attributes
    ----------
    columns : list of _Column or None
        One for each position, the end of the text included; None where nothing ends.
    matches : dict of (terminal, begin, end) to float
        Logarithm of the probability of each match.
    reached : int
        How many bytes begin some text of the language.
    open : set of int
        The terminals that could go on behind these bytes.
    """

    def __init__(self, predictor: Predictor, data: bytes, lookahead: bool = True) -> None:
        self.tables = predictor.tables
        self.data = data
        self.columns: list[_Column | None] = [None] * (len(data) + 1)
        self.matches: dict[tuple[int, int, int], float] = {}
        self.reached = 0
        self.open: set[int] = set()
        self._predictor = predictor
        self._follow = predictor.follow if lookahead else [-1] * self.tables.n_terminals
        self._pending: dict[int, list[Item]] = {}
        if not self.tables.is_empty:
            self._fill()

    def _fill(self) -> None:
        tables = self.tables
        column = self.columns[0] = _Column()
        column.prediction = self._predictor.predict(frozenset([tables.start]))
        self._scan(column, 0)
        for position in range(1, len(self.data) + 1):
            ended = self._pending.pop(position, None)
            if ended is not None:
                column = self.columns[position] = _Column()
                self._complete(column, position, ended)
                self._predict(column)
                self._scan(column, position)

    def is_accepted(self, position: int) -> bool:
        """Whether the bytes before a position are a text of the language."""
        column = self.columns[position]
        if position == 0:
            return column is not None and self.tables.nullable[self.tables.start]
        return column is not None and (self.tables.start, 0) in column.completed

    def _predict(self, column: _Column) -> None:
        n_terminals = self.tables.n_terminals
        column.prediction = self._predictor.predict(frozenset(x for x in column.waiting if x >= n_terminals))

    def _complete(self, column: _Column, position: int, agenda: list[Item]) -> None:
        """Advance what waits for the symbols of the agenda, (symbol, origin), and for all that this completes."""
        tables, columns = self.tables, self.columns
        after, nullable, n_terminals = tables.after, tables.nullable, tables.n_terminals
        items, waiting, completed = column.items, column.waiting, column.completed
        while agenda:
            symbol, origin = agenda.pop()
            home = columns[origin]
            if symbol >= n_terminals:
                top = home.tops[symbol] if symbol in home.tops else self._top(symbol, origin)
                if top is not None:
                    chain = column.chains.get(top)
                    if chain is not None:
                        chain.append((symbol, origin))
                        continue
                    column.chains[top] = [(symbol, origin)]
                    if top not in items:
                        items[top] = []
                        done = tables.lhs[tables.rule_at[top[0]]], top[1]
                        if done not in completed:
                            completed.add(done)
                            agenda.append(done)
                    continue
            ready = home.waiting.get(symbol, ())
            predicted = home.prediction.waiting.get(symbol)
            if predicted is not None:
                ready = [*ready, *[(dot, origin) for dot in predicted]]
            for dot, begin in ready:
                item = dot + 1, begin
                links = items.get(item)
                if links is not None:
                    links.append(origin)
                    continue
                items[item] = [origin]
                while True:
                    ahead = after[item[0]]
                    if ahead == END:
                        done = tables.lhs[tables.rule_at[item[0]]], begin
                        if done not in completed:
                            completed.add(done)
                            agenda.append(done)
                        break
                    if ahead in waiting:
                        waiting[ahead].append(item)
                    else:
                        waiting[ahead] = [item]
                    if not nullable[ahead]:
                        break
                    item = item[0] + 1, begin
                    links = items.get(item)
                    if links is not None:
                        links.append(position)
                        break
                    items[item] = [position]

    def _top(self, symbol: int, origin: int) -> Item | None:
        """The last item of the chain of completions that a completed symbol sets off, or None where it sets off none.

        Each step is certain: in the column where the symbol begins a single item waits for it, and ends with it.
        """
        path: list[tuple[dict[int, Item | None], int, Item]] = []
        while True:
            tops = self.columns[origin].tops
            if symbol in tops:
                top = tops[symbol]
                break
            item = self._only(symbol, origin)
            if item is None:
                top = tops[symbol] = None
                break
            path.append((tops, symbol, item))
            symbol, origin = self._completed_by(item)
        for tops, symbol, item in reversed(path):
            top = tops[symbol] = item if top is None else top
        return top

    def _completed_by(self, item: Item) -> Item:
        """The symbol, with its origin, that a complete item completes."""
        return self.tables.lhs[self.tables.rule_at[item[0]]], item[1]

    def _only(self, symbol: int, origin: int) -> Item | None:
        """The item that waits for a symbol as its last, advanced; None where there are others or it is not the last."""
        if origin == 0 and symbol == self.tables.start:
            return None  # the whole text waits for it, too
        column = self.columns[origin]
        ready = column.waiting.get(symbol, ())
        predicted = column.prediction.waiting.get(symbol, ())
        if len(ready) + len(predicted) != 1:
            return None
        dot, begin = ready[0] if ready else (predicted[0], origin)
        return (dot + 1, begin) if self.tables.after[dot + 1] == END else None

    def _scan(self, column: _Column, position: int) -> None:
        """Run the terminals that may begin at a position, and note where their matches end."""
        data, tables = self.data, self.tables
        if position > self.reached:
            self.reached, self.open = position, set()
        if position == len(data):
            return
        byte = data[position]
        prediction = column.prediction
        terminals = prediction.by_byte.get(byte)
        if terminals is None:
            terminals = prediction.by_byte[byte] = [
                t for t in prediction.terminals if byte in tables.machines[t].row(0)[0]
            ]
        known = set(terminals)
        for terminal in terminals:
            self._run(terminal, position)
        for terminal in column.waiting:
            if terminal < tables.n_terminals and terminal not in known and byte in tables.machines[terminal].row(0)[0]:
                self._run(terminal, position)

    def _run(self, terminal: int, begin: int) -> None:
        """Run one terminal from a position on."""
        data, end = self.data, len(self.data)
        machine, follow = self.tables.machines[terminal], self._follow[terminal]
        rows = machine.rows
        state, position, weight = 0, begin, 0.0
        while True:
            moves, stop = rows[state] or machine.row(state)
            ahead = END_OF_TEXT if position == end else data[position]
            if stop is not None and position > begin and follow >> ahead & 1:
                self.matches[terminal, begin, position] = weight + stop
                self._pending.setdefault(position, []).append((terminal, begin))
            move = moves.get(ahead)
            if move is None:
                break
            state = move[0]
            weight += move[1]
            position += 1
        if position > self.reached:
            self.reached, self.open = position, set()
        if position == self.reached and moves:
            self.open.add(terminal)

    # --- what the forest asks for --------------------------------------------------------------------------------

    def links(self, dot: int, begin: int, end: int) -> list[int]:
        """The positions at which the symbol before a dot may begin, where what stands before it spans the bytes.

        Nothing where it does not; where it spans none, the dot must be one that can be reached without a byte.
        """
        if begin == end:
            return [begin]
        column = self.columns[end]
        item = dot, begin
        bottoms = column.chains.pop(item, None)
        if bottoms is not None:
            for symbol, origin in bottoms:
                self._write_chain(column, item, symbol, origin)
        return column.items.get(item, [])

    def _write_chain(self, column: _Column, top: Item, symbol: int, origin: int) -> None:
        """Put the items between a completed symbol and the last item of its chain into a column."""
        while True:
            item = self._only(symbol, origin)
            links = column.items.setdefault(item, [])
            if origin in links:
                return
            links.append(origin)
            if item == top:
                return
            symbol, origin = self._completed_by(item)

    def expected(self) -> tuple[list[int], list[int]]:
        """The terminals that could have gone on, and begun, behind the last byte that was good."""
        n_terminals = self.tables.n_terminals
        column = self.columns[self.reached]
        beginning: set[int] = set()
        if column is not None:
            beginning.update(column.prediction.terminals, (symbol for symbol in column.waiting if symbol < n_terminals))
        return sorted(self.open), sorted(beginning)
