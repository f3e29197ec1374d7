"""Lines that say the same."""

from __future__ import annotations

import pytest

from trackbook.tracking.reproduction.texts import same_line


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CPU times: user 4 µs, sys: 1e+03 ns, total: 5 µs", "CPU times: user 12 μs, sys: 3 us, total: 15 μs"),
        ("Wall time: 1.2 s", "Wall time: 812 ms"),
        ("<Thing object at 0x7f1e>", "<Thing object at 0x7fff>"),
        (
            "347 ms ± 52.9 ms per loop (mean ± std. dev. of 7 runs, 10 loops each)",
            "90 µs ± 1.3 ns per loop (mean ± std. dev. of 7 runs, 1,000 loops each)",
        ),
        ("loss 0.12345678", "loss 0.12345679"),
    ],
)
def test_times_addresses_and_last_digits_make_no_difference(first: str, second: str) -> None:
    """What changes with every run is not held against it."""
    assert same_line(first, second)


@pytest.mark.parametrize(
    ("first", "second"), [("r2 0.51", "r2 0.52"), ("a", "b"), ("3 rows", "4 rows"), ("x", ""), ("1 2", "1")]
)
def test_everything_else_does(first: str, second: str) -> None:
    """Another number or another word is a difference."""
    assert not same_line(first, second)
