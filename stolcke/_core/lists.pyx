"""Lists among the rules of a grammar, folded behind what precedes them."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from stolcke._core.containers cimport refill
from stolcke._core.rules cimport Rule, Rules, String
from stolcke._core.storage cimport Arena, SequenceTable
from stolcke._core.types cimport NONE


cdef extern from *:
    """
    #include <algorithm>
    #include <cmath>
    #include <vector>
    struct ListRound { RuleString text; double weight; };
    /* Whether two collections hold the same strings, each of them once, with the same shares of their weights. */
    static bool same_rounds(const uint32_t* symbols, std::vector<ListRound> a, std::vector<ListRound> b) {
        auto less = [=](const ListRound& x, const ListRound& y) {
            return std::lexicographical_compare(symbols + x.text.begin, symbols + x.text.end,
                                                symbols + y.text.begin, symbols + y.text.end);
        };
        auto same = [=](const ListRound& x, const ListRound& y) {
            return std::equal(symbols + x.text.begin, symbols + x.text.end,
                              symbols + y.text.begin, symbols + y.text.end);
        };
        std::sort(a.begin(), a.end(), less);
        std::sort(b.begin(), b.end(), less);
        if (a.size() != b.size() || !std::equal(a.begin(), a.end(), b.begin(), same)) return false;
        double all_a = 0, all_b = 0;
        for (size_t i = 0; i < a.size(); i++) { all_a += a[i].weight; all_b += b[i].weight; }
        if (all_a == 0 || all_b == 0) return true;      /* the one never met may be distributed like the other */
        for (size_t i = 0; i < a.size(); i++) {
            double x = a[i].weight * all_b, y = b[i].weight * all_a;
            if (std::fabs(x - y) > 1e-12 * std::fmax(x, y)) return false;
        }
        return true;
    }
    """
    cppclass Round "ListRound":
        String text
        double weight
    bint same_rounds(const uint32_t* symbols, vector[Round] a, vector[Round] b) except + nogil


cdef enum:
    SMALL = 16                          # symbols of a list's rounds that may be copied to several places


cdef cppclass List:                     # of ``s: | s b`` or ``s: b | s b``
    bint may_be_empty
    uint32_t nonterminal
    uint32_t uses                       # how many prefixes it is folded behind
    vector[Round] rounds                # the b, and how likely each is to come next
    double first                        # how likely the list is to end at once, or to begin
    double again                        # how likely it is to go on
    uint32_t group                      # nonterminal that stands for the rounds, or NONE


def fold_lists(Rules rules not None):
    """Rewrite lists ``x: a (b)* c`` as ``x: h c`` with ``h: a | h b``.

    Then the first and all later rounds of the list begin where the rule
    begins, and the parser meets equal columns after each ``b``.  The prefix
    ``a`` must not be empty, and must not begin with ``x``, as that would turn
    a direct left recursion into an indirect one.  Duplicates must have been
    removed; lists that end up unused are.

    The weights of the list become those of ``h``, so that ``a`` followed by as
    many rounds is as likely as before.
    """
    cdef vector[List] lists
    cdef vector[uint32_t] list_of, done, heads
    cdef SequenceTable prefixes     # those that a list is folded behind, each with the list's nonterminal
    cdef Rule rule
    cdef uint32_t x, k, head
    cdef size_t i, begin
    cdef bint folded
    find_lists(rules, lists, list_of)
    if lists.empty():
        return
    prefixes = SequenceTable(Arena())
    for i in range(rules.rules.size()):
        rule = rules.rules[i]
        if rule.rhs.end - rule.rhs.begin < 2 or rules.symbols[rule.rhs.begin] == rules.n_terminals + rule.lhs:
            continue
        done.clear()
        folded = False
        for k in range(rule.rhs.begin, rule.rhs.end):
            x = rules.symbols[k]
            done.push_back(x)
            if done.size() == 1 or x < rules.n_terminals or list_of[x - rules.n_terminals] == NONE:
                continue
            x = list_of[x - rules.n_terminals]
            # A list of at least one round repeats the prefix before each kind of round.
            if not lists[x].may_be_empty and lists[x].rounds.size() > 1 and done.size() > 2:
                continue
            head = prefixes.intern(done.data(), done.size())
            if prefixes.added:
                heads.push_back(rules.make("list", rule.lhs))
                lists[x].uses += 1
            refill(done, 1, rules.n_terminals + heads[head])
            folded = True
        if folded:
            begin = rules.symbols.size()
            rules.symbols.insert(rules.symbols.end(), done.begin(), done.end())
            rules.rules[i].rhs.begin = <uint32_t>begin
            rules.rules[i].rhs.end = <uint32_t>rules.symbols.size()
    for i in range(lists.size()):
        write_rounds(rules, &lists[i])
    for i in range(heads.size()):
        x = list_of[prefixes.words(<uint32_t>i)[prefixes.length(<uint32_t>i) - 1] - rules.n_terminals]
        write_head(rules, heads[i], prefixes.words(<uint32_t>i), prefixes.length(<uint32_t>i) - 1, &lists[x])
    rules.keep_reachable()


cdef int find_lists(Rules rules, vector[List]& lists, vector[uint32_t]& list_of) except -1 nogil:
    """Recognise ``s: | s b`` and ``s: b | s b``, in the order of their first rules.

    In the second form the first b must be distributed as the others are: all of them may get one nonterminal.
    """
    cdef vector[uint32_t] ordered, begin
    cdef vector[Round] bases
    cdef Round part
    cdef List found
    cdef Rule rule
    cdef size_t i
    cdef uint32_t a, k
    cdef bint loops
    rules.group(ordered, begin)
    refill(list_of, rules.n_nonterminals, NONE)
    for i in range(rules.rules.size()):
        a = rules.rules[i].lhs
        if ordered[begin[a]] != i:
            continue
        bases.clear()
        found.rounds.clear()
        found.first = found.again = 0
        loops = False
        for k in range(begin[a], begin[a + 1]):
            rule = rules.rules[ordered[k]]
            part.text = rule.rhs
            part.weight = rule.weight
            loops |= rules.is_loop(&rule)
            if rule.rhs.begin == rule.rhs.end or rules.symbols[rule.rhs.begin] != rules.n_terminals + a:
                bases.push_back(part)
                found.first += rule.weight
            else:
                part.text.begin += 1
                found.rounds.push_back(part)
                found.again += rule.weight
        if found.rounds.empty() or bases.empty() or loops:
            continue
        found.may_be_empty = bases.size() == 1 and bases[0].text.begin == bases[0].text.end
        if found.may_be_empty or same_rounds(rules.symbols.data(), bases, found.rounds):
            found.nonterminal = a
            found.uses = 0
            found.group = NONE
            list_of[a] = <uint32_t>lists.size()
            lists.push_back(found)
    return 0


cdef int write_rounds(Rules rules, List* folded) except -1:
    """Give the rounds of a list a nonterminal, if they are long and needed more than once."""
    cdef size_t i, begin, total = 0
    for i in range(folded.rounds.size()):
        total += folded.rounds[i].text.end - folded.rounds[i].text.begin + 1
    if folded.uses > 1 and total > SMALL:
        folded.group = rules.make("round", folded.nonterminal)
        for i in range(folded.rounds.size()):
            begin = rules.symbols.size()
            copy(rules, folded.rounds[i].text)
            rules.add_rule(folded.group, begin, share(folded, i))
    return 0


cdef double share(const List* folded, size_t i) noexcept nogil:
    """How likely a round is to be of the i-th kind."""
    return folded.rounds[i].weight / folded.again if folded.again > 0 else 1.0 / folded.rounds.size()


cdef int write_head(Rules rules, uint32_t head, const uint32_t* prefix, uint32_t length, List* folded) except -1 nogil:
    """The rules of a list behind a prefix."""
    cdef size_t i, begin, n = folded.rounds.size() if folded.group == NONE else 1
    cdef uint32_t later
    cdef double weight
    for later in range(2):
        weight = folded.again if later else folded.first
        for i in range(1 if folded.may_be_empty and not later else n):
            begin = rules.symbols.size()
            if later:
                rules.symbols.push_back(rules.n_terminals + head)
            else:
                rules.symbols.insert(rules.symbols.end(), prefix, prefix + length)
            if folded.may_be_empty and not later:
                rules.add_rule(head, begin, weight)
            elif folded.group == NONE:
                copy(rules, folded.rounds[i].text)
                rules.add_rule(head, begin, weight * share(folded, i))
            else:
                rules.symbols.push_back(rules.n_terminals + folded.group)
                rules.add_rule(head, begin, weight)
    return 0


cdef int copy(Rules rules, String s) except -1 nogil:
    """Append the symbols of a string once more."""
    cdef uint32_t k, symbol
    for k in range(s.begin, s.end):
        symbol = rules.symbols[k]
        rules.symbols.push_back(symbol)
    return 0
