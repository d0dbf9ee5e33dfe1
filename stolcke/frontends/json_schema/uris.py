"""Resolution of URI references against a base, for any scheme."""

from __future__ import annotations

import re

__all__ = ["resolve"]

# The five components of any URI reference; the pattern matches every text.
COMPONENTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)


def resolve(base: str, reference: str) -> str:
    """The URI that a reference means where the base is ``base``.

    This is section 5.2 of RFC 3986.  The standard library's ``urljoin`` knows
    relative references only for the schemes on its list, and so neither for
    ``urn:`` nor for ``tag:``.

    Parameters
    ----------
    base : str
        An absolute URI, or a relative one, or ``""`` where no base is known:
        a schema without an identifier may still name others relative to itself.
    reference : str
        A URI reference.

    Returns
    -------
    str
        The target, with the fragment of the reference.
    """
    scheme, authority, path, query, fragment = COMPONENTS.fullmatch(reference).groups()
    if scheme is not None:
        path = without_dots(path)
    else:
        scheme, base_authority, base_path, base_query, _ = COMPONENTS.fullmatch(base).groups()
        if authority is not None:
            path = without_dots(path)
        else:
            authority = base_authority
            if not path:
                path = base_path
                query = base_query if query is None else query
            elif path.startswith("/"):
                path = without_dots(path)
            elif authority is not None and not base_path:
                path = without_dots("/" + path)
            else:
                path = without_dots(base_path[: base_path.rfind("/") + 1] + path)
    return "".join(
        [
            "" if scheme is None else scheme + ":",
            "" if authority is None else "//" + authority,
            path,
            "" if query is None else "?" + query,
            "" if fragment is None else "#" + fragment,
        ]
    )


def without_dots(path: str) -> str:
    """A path without its segments ``.`` and ``..``."""
    if "." not in path:
        return path
    segments = path.split("/")
    kept = []
    for segment in segments:
        if segment == "..":
            # The empty segment before a leading slash is no folder to leave.
            if kept and kept != [""]:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
