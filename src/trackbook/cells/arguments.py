"""The arguments of a call."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from trackbook.cells.values import NOTHING, Things


@dataclass(frozen=True, slots=True)
class Arguments:
    """The evaluated arguments of a call; `spread` tells that `*` or `**` hides where they go."""

    positional: list[Things]
    keywords: dict[str, Things]
    spread: bool
    node: ast.Call

    @property
    def every(self) -> Things:
        found: Things = NOTHING
        for things in (*self.positional, *self.keywords.values()):
            found |= things
        return found

    def at(self, positions: Iterable[int]) -> Things:
        """Return what stands at `positions`; -1 means all of them."""
        found: Things = NOTHING
        for position in positions:
            if position < 0 or self.spread:
                return self.every
            if position < len(self.positional):
                found |= self.positional[position]
        return found

    def flag(self, name: str) -> bool | None:
        """Return the literal truth of a keyword, None where it is absent, True where it is computed."""
        for keyword in self.node.keywords:
            if keyword.arg == name:
                return bool(keyword.value.value) if isinstance(keyword.value, ast.Constant) else True
        return None
