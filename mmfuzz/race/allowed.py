"""Data races that are known and mean no harm: by field, with the reason."""

from __future__ import annotations

ALLOWED: dict[str, str] = {
    "first_page": "put_page() of a tail reads it before it can know that the page is a tail still, looks at PageTail "
    "again after a read barrier, and uses what it has read only then",
    "index": "a look-up checks where in its file a page is before it locks that: while the page is in a cache, that "
    "does not change, and who writes it then writes the same",
    "content": "what a page holds is its users' own: who writes while others read has to see to that himself",
}
"""Reason by the last word of a location's name."""


def reason(cell: str) -> str:
    """Why a data race at a location is allowed; empty when it is not."""
    return ALLOWED.get(cell.rpartition(" ")[2], "")
