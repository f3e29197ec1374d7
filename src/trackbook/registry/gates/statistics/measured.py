"""Measures of one or more models on the same rows, in forms that a bootstrap can draw quickly.

Each form gives the measures on all rows, on bootstrap draws of the rows, and without one part of them each (for the
acceleration of BCa).  The models share every draw, so that differences between them are paired.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

PARTS = 8
BLOCKS = 200
"""Where leaving out each row would take too long, so many blocks of rows are left out instead."""


class Measured(Protocol):
    """Measures of M models on n rows."""

    def whole(self) -> Floats:
        """Return the M measures on all rows."""

    def drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        """Return the measures on so many bootstrap draws: (draws, M)."""

    def without(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the measures without one part of the rows each, (parts, M), and how often each part counts."""


class Means:
    """Measures that depend on the rows by means alone: `of` turns means (…, p) of the `columns` (n, p) into (…, M)."""

    def __init__(self, columns: Floats, of: Callable[[Floats], Floats]) -> None:
        self._columns = np.asarray(columns, dtype=np.float64)
        self._of = of

    def whole(self) -> Floats:
        """Return the M measures on all rows."""
        return self._of(self._columns.mean(axis=0))

    def drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        """Return the measures on so many bootstrap draws."""
        rows = len(self._columns)
        columns = [np.ascontiguousarray(column) for column in self._columns.T]

        def sums(rng: np.random.Generator, draws: int) -> Floats:
            found, taken = np.empty((draws, len(columns))), np.empty(rows)
            for at in range(draws):
                places = rng.integers(0, rows, rows)
                # Not a product with counts: BLAS starts threads for it, which wait for each other where cores are few.
                found[at] = [column.take(places, out=taken, mode="clip").sum() for column in columns]
            return found

        return self._of(_in_parts(rng, draws, sums) / rows)

    def without(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the measures without each row."""
        rows = len(self._columns)
        if rows < 2:
            return np.tile(self.whole(), (1, 1)), np.ones(1)
        return self._of((self._columns.sum(axis=0) - self._columns) / (rows - 1)), np.ones(rows)


class Cells:
    """Measures that depend on the rows by counts in few cells: `of` turns counts (…, cells) into (…, M)."""

    def __init__(self, counts: Ints, of: Callable[[Floats], Floats]) -> None:
        self._counts = np.asarray(counts, dtype=np.int64)
        self._of = of

    def whole(self) -> Floats:
        """Return the M measures on all rows."""
        return self._of(self._counts.astype(np.float64))

    def drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        """Return the measures on so many bootstrap draws."""
        rows = int(self._counts.sum())
        return self._of(rng.multinomial(rows, self._counts / rows, size=draws).astype(np.float64))

    def without(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the measures without one row of each cell."""
        return self._of(self._counts - np.eye(len(self._counts))), self._counts.astype(np.float64)


class Weighted:
    """Measures that take weights of the rows: `of` turns weights (n,) into (M,)."""

    def __init__(self, rows: int, of: Callable[[Floats], Floats]) -> None:
        self._rows = rows
        self._of = of

    def whole(self) -> Floats:
        """Return the M measures on all rows."""
        return self._of(np.ones(self._rows))

    def drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        """Return the measures on so many bootstrap draws."""

        def found(rng: np.random.Generator, draws: int) -> Floats:
            return np.stack([self._of(draw_counts(rng, self._rows)) for _ in range(draws)])

        return _in_parts(rng, draws, found)

    def without(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the measures without each block of rows."""
        blocks = _blocks(rng, self._rows)
        weights = np.ones(self._rows)
        found = []
        for block in range(int(blocks.max()) + 1):
            weights[:] = blocks != block
            found.append(self._of(weights))
        return np.stack(found), np.ones(len(found))


class Listed:
    """Any measures: `of` turns the places of rows, some of them repeated, into (M,)."""

    def __init__(self, rows: int, of: Callable[[Ints], Floats]) -> None:
        self._rows = rows
        self._of = of

    def whole(self) -> Floats:
        """Return the M measures on all rows."""
        return self._of(np.arange(self._rows))

    def drawn(self, rng: np.random.Generator, draws: int) -> Floats:
        """Return the measures on so many bootstrap draws."""
        return np.stack([self._of(np.sort(rng.integers(0, self._rows, self._rows))) for _ in range(draws)])

    def without(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the measures without each block of rows."""
        blocks = _blocks(rng, self._rows)
        found = [self._of(np.flatnonzero(blocks != block)) for block in range(int(blocks.max()) + 1)]
        return np.stack(found), np.ones(len(found))


def _in_parts(rng: np.random.Generator, draws: int, found: Callable[[np.random.Generator, int], Floats]) -> Floats:
    """Draw in parts, side by side; the parts, and so the numbers, are the same on every machine."""
    sizes = [len(part) for part in np.array_split(np.arange(draws), PARTS) if len(part)]
    with ThreadPoolExecutor(min(PARTS, os.cpu_count() or 1), "trackbook-draws") as pool:
        return np.concatenate(list(pool.map(found, rng.spawn(len(sizes)), sizes)))


def draw_counts(rng: np.random.Generator, rows: int) -> Floats:
    """Return how often each row stands in one bootstrap draw of `rows` rows."""
    return np.bincount(rng.integers(0, rows, rows), minlength=rows).astype(np.float64)


def _blocks(rng: np.random.Generator, rows: int) -> Ints:
    """Return a block number for each row: blocks of equal size, one row each where there are few."""
    return rng.permutation(rows) % min(rows, BLOCKS)
