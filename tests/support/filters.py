"""Random filters and orders as text, each beside a plain evaluation in Python."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cmp_to_key

from hypothesis import strategies as st

from support.made_runs import EXPERIMENTS, METRICS, NOTEBOOKS, NUMBERS, PARAMS, TAGS, TEXTS, Made

PATTERNS = ["a%", "A%", "%b", "_", "%", "x\\_y", "%'%", "*", "[a]", "1_", "%0%", "?", "ab", "2%"]
TEXT_ATTRIBUTES = {
    "run_name": ["one", "two", "Three"],
    "status": ["FINISHED", "FAILED", "RUNNING", "finished"],
    "experiment": [*EXPERIMENTS, "none"],
    "user": ["ada", "grace"],
    "kind": ["python", "cell"],
    "notebook": [notebook for notebook in NOTEBOOKS if notebook],
}
TIMES = [1_700_000_000_000 + second * 1000 for second in (0, 3, 20, 59)]

Test = Callable[[Made], bool]

OPERATORS: dict[str, Callable] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def like(pattern: str, flags: re.RegexFlag) -> Callable[[str], bool]:
    parts = ["." if c == "_" else ".*" if c == "%" else re.escape(c) for c in pattern]
    return lambda text: re.fullmatch("".join(parts), text, flags | re.DOTALL | re.ASCII) is not None


def number(text: str | None) -> float | None:
    """Return the finite number that a param's text is."""
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def getter(group: str, name: str, numeric: bool) -> Callable[[Made], object]:
    if group == "attributes":
        return lambda run: getattr(run, name)
    if group == "params" and numeric:
        return lambda run: number(run.params.get(name))
    return lambda run: getattr(run, group).get(name)


@st.composite
def keys(draw) -> tuple[str, str, str, list]:
    """Draw a collection, a name, the key as text, and the texts it is compared with."""
    group = draw(st.sampled_from(["metrics", "params", "params", "tags", "attributes", "times"]))
    if group == "attributes":
        name = draw(st.sampled_from(sorted(TEXT_ATTRIBUTES)))
        return group, name, draw(st.sampled_from([name, f"attributes.{name}"])), TEXT_ATTRIBUTES[name]
    if group == "times":
        name = draw(st.sampled_from(["start_time", "end_time", "duration"]))
        return group, name, name, []
    known = {"metrics": METRICS, "params": PARAMS, "tags": TAGS}[group]
    name = draw(st.sampled_from([*known, "unheard of"]))
    return group, name, f"{group}.`{name}`", TEXTS


@st.composite
def comparisons(draw) -> tuple[str, Test]:
    group, name, key, texts = draw(keys())
    forms = {"metrics": ["number", "in", "null"], "times": ["number", "in", "null"]}
    forms["params"] = ["number", "text", "like", "in", "null"]
    form = draw(st.sampled_from(forms.get(group, ["text", "like", "in", "null"])))
    group, is_time = ("attributes", True) if group == "times" else (group, False)
    if form == "null":
        absent, value = draw(st.booleans()), getter(group, name, False)
        return f"{key} IS {'' if absent else 'NOT '}NULL", lambda run: (value(run) is None) == absent
    if form == "like":
        word, pattern = draw(st.sampled_from(["LIKE", "ILIKE"])), draw(st.sampled_from(PATTERNS))
        test = like(pattern, re.IGNORECASE if word == "ILIKE" else re.RegexFlag(0))
        value = getter(group, name, False)
        return f"{key} {word} {quoted(pattern)}", lambda run: value(run) is not None and test(value(run))
    numeric = form == "number" or (form == "in" and (group == "metrics" or is_time))
    numeric = numeric or (form == "in" and group == "params" and draw(st.booleans()))
    value = getter(group, name, numeric)
    choices = st.sampled_from(TIMES if is_time and name != "duration" else NUMBERS if numeric else texts)
    spell = repr if numeric else quoted
    if form == "in":
        negated, wanted = draw(st.booleans()), draw(st.lists(choices, min_size=1, max_size=4))
        listed = ", ".join(map(spell, wanted))
        return (
            f"{key} {'NOT ' if negated else ''}IN ({listed})",
            lambda run: value(run) is not None and (value(run) in wanted) != negated,
        )
    sign, wanted = draw(st.sampled_from(sorted(OPERATORS))), draw(choices)
    return f"{key} {sign} {spell(wanted)}", lambda run: value(run) is not None and OPERATORS[sign](value(run), wanted)


def combine(inner):
    def both(word, pair):
        (left, test), (right, other) = pair
        decide = all if word.upper() == "AND" else any
        return f"({left}) {word} ({right})", lambda run: decide([test(run), other(run)])

    return st.builds(both, st.sampled_from(["AND", "AND", "OR", "and", "or"]), st.tuples(inner, inner)) | inner.map(
        lambda part: (f"NOT ({part[0]})", lambda run: not part[1](run))
    )


FILTERS = st.just(("", lambda run: True)) | comparisons() | st.recursive(comparisons(), combine, max_leaves=5)


@st.composite
def clauses(draw) -> tuple[str, Callable[[Made, Made], int]]:
    """Draw one clause of an order, with a comparison of two runs by it."""
    group, name, key, _ = draw(keys())
    descending = draw(st.booleans())

    def rank_and_value(run: Made) -> tuple[int, object]:
        if group == "metrics":
            value = run.metrics.get(name)
            return (2, 0) if value is None else (1, 0) if math.isnan(value) else (0, value)
        if group == "params":
            text = run.params.get(name)
            return (2, 0) if text is None else (1, text) if number(text) is None else (0, number(text))
        value = run.tags.get(name) if group == "tags" else getattr(run, name)
        return (1, 0) if value is None else (0, value)

    def compare(one: Made, other: Made) -> int:
        (rank, value), (rank2, value2) = rank_and_value(one), rank_and_value(other)
        if rank != rank2:
            return rank - rank2
        sign = (value > value2) - (value < value2)
        return -sign if descending else sign

    return f"{key} {'DESC' if descending else draw(st.sampled_from(['', 'ASC']))}".strip(), compare


ORDERS = st.lists(clauses(), max_size=3)


def in_order(runs: list[Made], order: list[tuple[str, Callable[[Made, Made], int]]]) -> list[Made]:
    """Return the runs in an order, newest first without one, equal ones latest first."""

    def compare(one: Made, other: Made) -> int:
        for _, by in order:
            if by(one, other):
                return by(one, other)
        if all("unheard of" in text and not text.startswith("tags") for text, _ in order):
            newest = lambda run: (run.start_time is not None, run.start_time or 0)  # noqa: E731
            if newest(one) != newest(other):
                return 1 if newest(one) < newest(other) else -1
        return other.row - one.row

    return sorted(runs, key=cmp_to_key(compare))
