"""The rules of objects whose members come in an order, and the names of the nonterminals in them.

Of a JSON Schema's rules nearly all are these: each name that it declares takes three to
six.  They are the same objects that Python would make, in a fifth of the time.
"""

from stolcke._core.records cimport Maker

__all__ = ["fresh", "members_in_order"]


def fresh(dict names not None, str wanted not None):
    """Give a name that is not in use, and note that it is now.

    Parameters
    ----------
    names : dict of str to int
        Names in use, each with the number to try next for another one that wants to be called the same.
    wanted : str

    Returns
    -------
    str
        What is wanted, or that with a number.
    """
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


def members_in_order(list rules not None, dict names not None, Maker rule not None, Maker nonterminal not None,
                     lhs, tuple structure not None, list members not None, list others not None, bint may_be_empty):
    """Append the rules of an object that has its declared members in their order, and others anywhere between them.

    Behind so many of the declared members, ``rest`` is what may follow a member, and ``named`` the next declared one;
    they are written from the last to the first.

    Parameters
    ----------
    rules : list of Rule
        Is added to.
    names : dict of str to int
        See :func:`fresh`.
    rule : Maker
        Of rules, from their left and right sides.
    nonterminal : Maker
        Of nonterminals, from their names.
    lhs : Nonterminal
        Of the object.
    structure : tuple of four symbols
        What opens an object, what closes it, one without members, and what separates members.
    members : list of (symbol, symbol, bool)
        Name, value, and whether it is required, of each declared member.
    others : list of (symbol, symbol)
        Names and values of any other members.
    may_be_empty : bool
        Whether an object without members will do, as far as that is not for ``members`` to say.
    """
    cdef object opened, closed, empty, comma, key, value, required, after, behind, other
    cdef object rest = None, named = None, member = None
    cdef str named_name = f"{lhs.name}_named", rest_name = f"{lhs.name}_rest", member_name = f"{lhs.name}_member"
    cdef Py_ssize_t index, n = len(members)
    cdef bint all_optional = True
    opened, closed, empty, comma = structure
    for index in range(n, -1, -1):
        after, behind = named, rest
        if index < n:
            key, value, required = members[index]
            named = nonterminal.fill(fresh(names, named_name), None, 1)
            rules.append(rule.fill(named, (key, value, behind), 2))
            if required:
                all_optional = False
            elif after is not None:
                rules.append(rule.fill(named, (after,), 2))
        rest = nonterminal.fill(fresh(names, rest_name), None, 1)
        if all_optional:
            rules.append(rule.fill(rest, (closed,), 2))
        member = named
        if others:
            member = nonterminal.fill(fresh(names, member_name), None, 1)
            for other in others:
                key, value = other
                rules.append(rule.fill(member, (key, value, rest), 2))
            if named is not None:
                rules.append(rule.fill(member, (named,), 2))
        if member is not None:
            rules.append(rule.fill(rest, (comma, member), 2))
    if all_optional and may_be_empty:
        rules.append(rule.fill(lhs, (empty,), 2))
    if member is not None:
        rules.append(rule.fill(lhs, (opened, member), 2))
