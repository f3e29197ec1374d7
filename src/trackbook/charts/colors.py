"""The colours of runs, the same in every picture and table of the same runs."""

from __future__ import annotations

#: Okabe and Ito's colours, darkened or lightened until they stand out on white and on black.
RUN_COLORS = ("#2f7fc1", "#d9730d", "#0f9b73", "#c2569b", "#b08800", "#4fa3d9", "#d0433b", "#8c7ae6")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
"""Runs that share a colour differ in the dashes of their lines."""
MAX_LOOKS = len(RUN_COLORS) * len(DASHES)
"""More runs than this have no look of their own."""


def run_colors(count: int) -> list[str]:
    """Return the colours of `count` runs."""
    return [RUN_COLORS[place % len(RUN_COLORS)] for place in range(count)]


def run_dashes(count: int) -> list[list[int]]:
    """Return the dashes of `count` runs."""
    return [DASHES[place // len(RUN_COLORS) % len(DASHES)] for place in range(count)]
