"""Names as numbers: a table that gives each text a number once, so that rows need not repeat it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Numbers(dict[str, int]):
    """The number of each name in its table, given on first use and written down; in a transaction."""

    def __init__(self, run: Callable[..., Any], table: str = "label", column: str = "text") -> None:
        super().__init__()
        self._run = run
        self._find = f"SELECT id FROM {table} WHERE {column} = ?"
        self._add = f"INSERT INTO {table} ({column}) VALUES (?)"

    def __missing__(self, text: str) -> int:
        row: tuple[Any, ...] = self._run(self._find, (text,)).fetchone()
        row = row or (self._run(self._add, (text,)).lastrowid,)
        self[text] = number = int(row[0])
        return number
