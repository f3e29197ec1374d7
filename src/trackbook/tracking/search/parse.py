"""The search grammar: MLflow's as a subset, plus OR, NOT, parentheses, IN, dates and numeric comparison of params.

::

    filter     = or
    or         = and { OR and }
    and        = not { AND not }
    not        = [ NOT ] ( "(" or ")" | comparison )
    comparison = key operator value | key [NOT] IN "(" value {"," value} [","] ")" | key IS [NOT] NULL
    key        = ("metrics" | "params" | "tags" | "attributes" | "datasets") "." name | attribute
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | LIKE | ILIKE
    order      = key [ ASC | DESC ]

A collection may be named in the singular, as in MLflow.  Two things differ from MLflow on purpose: a quote that is
doubled within quotes stands for one, and conditions need an AND between them.  An error points at the token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from trackbook.errors import UsageError, nearest, shown
from trackbook.store import now_ms
from trackbook.tracking.search.times import read_time
from trackbook.tracking.search.tokens import Token, pointing, tokenise
from trackbook.tracking.search.tree import (
    ATTRIBUTES,
    DATASET_FIELDS,
    EVENT_ATTRIBUTES,
    EVERYTHING,
    Absence,
    Comparison,
    Conjunction,
    Disjunction,
    Filter,
    Key,
    Membership,
    Mention,
    Negation,
    Node,
    Term,
)

MAX_LENGTH = 10_000
MAX_DEPTH = 20
MAX_PARTS = 200
COLLECTIONS = {
    "metric": "metrics", "metrics": "metrics",
    "param": "params", "params": "params", "parameter": "params", "parameters": "params",
    "tag": "tags", "tags": "tags",
    "attribute": "attributes", "attributes": "attributes", "attr": "attributes", "run": "attributes",
    "dataset": "datasets", "datasets": "datasets",
}  # fmt: skip
ALIASES = {
    "created": "start_time", "Created": "start_time",
    "run name": "run_name", "Run name": "run_name", "Run Name": "run_name", "name": "run_name",
    "user_id": "user", "experiment_name": "experiment",
}  # fmt: skip

Suggest = Callable[[str], str]
"""Returns "; did you mean …?" for a word that is no attribute, or an empty text."""


class Vocabulary(msgspec.Struct, frozen=True):
    """What a filter is about: its `attributes`, and whether it has params, metrics, tags and datasets besides."""

    what: str
    attributes: tuple[str, ...]
    has_collections: bool = True


RUNS = Vocabulary("a run", ATTRIBUTES)
EVENTS = Vocabulary("an audit event", EVENT_ATTRIBUTES, has_collections=False)


def parse_filter(
    text: str | None, suggest: Suggest | None = None, *, now: int | None = None, vocabulary: Vocabulary = RUNS
) -> Filter:
    """Read a filter; None or a blank text lets everything through.

    `now` (milliseconds) is what `today` counts from.  Raises UsageError that points at the token.
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return Filter("", EVERYTHING)
    if not isinstance(text, str):
        raise UsageError(f'a filter is a text such as "metrics.r2 > 0.4", not {shown(text)}')
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the filter is {len(text):,} characters long; at most {MAX_LENGTH:,} can be read")
    parser = _Parser(text, suggest, now_ms() if now is None else now, vocabulary)
    tree = parser.alternatives()
    parser.expect_end()
    return Filter(text, tree, tuple(parser.mentions))


def parse_order(clauses: Sequence[str] | None, suggest: Suggest | None = None) -> tuple[Term, ...]:
    """Read the clauses of an order (`metrics.rmse DESC`, `start_time`); raises UsageError that points at the token."""
    terms = []
    for clause in clauses or ():
        if not isinstance(clause, str):
            raise UsageError(f'order_by is a list of texts such as "metrics.rmse DESC", not {shown(clause)}')
        parser = _Parser(clause, suggest, 0)
        term = parser.term()
        parser.expect_end()
        terms.append(term)
    return tuple(terms)


class _Parser:
    def __init__(self, text: str, suggest: Suggest | None, now: int, vocabulary: Vocabulary = RUNS) -> None:
        # What is no text cannot be searched for: a lone surrogate, as an argument that is not UTF-8 brings along.
        self._text = text.encode("utf-8", "backslashreplace").decode()
        self._suggest = suggest or (lambda _: "")
        self._now = now
        self._vocabulary = vocabulary
        self._tokens = tokenise(self._text)
        self._next = 0
        self._depth = 0
        self.mentions: list[Mention] = []

    # -- grammar

    def alternatives(self) -> Node:
        parts = self._separated("OR", self._requirements)
        return parts[0] if len(parts) == 1 else Disjunction(parts)

    def _requirements(self) -> Node:
        parts = self._separated("AND", self._negation)
        return parts[0] if len(parts) == 1 else Conjunction(parts)

    def _separated(self, word: str, part: Callable[[], Node]) -> tuple[Node, ...]:
        parts = [part()]
        while self._take_word(word):
            if len(parts) == MAX_PARTS:
                raise self._fault(f"more than {MAX_PARTS} conditions in a row; use IN", self._tokens[self._next - 1])
            parts.append(part())
        return tuple(parts)

    def _negation(self) -> Node:
        if self._take_word("NOT"):
            with self._deeper():
                return Negation(self._negation())
        if self._take("("):
            with self._deeper():
                inner = self.alternatives()
            self._require(")")
            return inner
        return self._comparison()

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        # SQLite's parser has a stack of 100 places, and each level takes some.
        if self._depth == MAX_DEPTH:
            raise self._fault(f"nested more than {MAX_DEPTH} levels deep", self._tokens[self._next - 1])
        self._depth += 1
        yield
        self._depth -= 1

    def _comparison(self) -> Node:
        key = self._key()
        if self._take_word("IS"):
            negated = self._take_word("NOT")
            self._require_word("NULL")
            return Absence(key, negated)
        negated = self._take_word("NOT")
        if negated or self._peek().is_word("IN"):
            self._require_word("IN")
            return self._membership(key, negated)
        operator = self._operator()
        token = self._advance("a value")
        value = self._value(token, key)
        if operator in ("LIKE", "ILIKE") and (key.is_time or isinstance(value, float)):
            raise self._fault(f"{operator} needs a text in quotes, and a key that holds texts", token)
        return self._at_time(key, operator, value, token) if key.is_time else Comparison(key, operator, value)

    def _membership(self, key: Key, negated: bool) -> Node:
        self._require("(")
        values: list[str | float] = []
        tokens: list[Token] = []
        while not (values and self._peek().text == ")"):
            token = self._advance("a value")
            values.append(self._value(token, key))
            tokens.append(token)
            if type(values[-1]) is not type(values[0]):
                raise self._fault("a list holds either numbers or texts", token)
            if not self._take(","):
                break
        self._require(")")
        if not key.is_time:
            return Membership(key, tuple(values), negated)  # type: ignore[arg-type] # of one type, as checked
        pairs = zip(values, tokens, strict=True)
        within = Disjunction(tuple(self._at_time(key, "=", value, token) for value, token in pairs))
        return Conjunction((Absence(key, negated=True), Negation(within))) if negated else within

    def _at_time(self, key: Key, operator: str, value: str | float, token: Token) -> Node:
        """Return what compares a time with a number, or with the stretch of time that a text names."""
        if isinstance(value, float):
            return Comparison(key, operator, value)
        try:
            start, end = map(float, read_time(value, self._now))
        except UsageError as error:
            raise self._fault(str(error), token) from error
        before, after = Comparison(key, "<", start), Comparison(key, ">=", end)
        match operator:
            case "=":
                return Conjunction((Comparison(key, ">=", start), Comparison(key, "<", end)))
            case "!=":
                return Disjunction((before, after))
            case "<":
                return before
            case ">":
                return after
            case "<=":
                return Comparison(key, "<", end)
            case _:
                return Comparison(key, ">=", start)

    def _key(self) -> Key:
        first = self._next
        token = self._advance("a key such as metrics.rmse")
        if token.kind not in ("word", "quoted", "string"):
            raise self._fault("expected a key such as metrics.rmse", token)
        named = self._vocabulary.has_collections and token.kind != "string"
        collection = COLLECTIONS.get(token.plain.lower()) if named else None
        if collection is not None and self._take("."):
            key = self._of_collection(collection, self._dotted_name(), token)
        else:
            key = self._attribute(token.plain, token)
        last = self._tokens[self._next - 1]
        position = self._tokens[first].position
        self.mentions.append(Mention(key, position, last.position + len(last.text) - position))
        return key

    def term(self) -> Term:
        key = self._key()
        if key.collection == "datasets":
            raise self._fault("runs cannot be put in the order of their datasets", self._tokens[0])
        descending = self._take_word("DESC") or (self._take_word("ASC") and False)
        return Term(key, descending, self._text, self.mentions[-1])

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise self._fault("expected AND, OR or the end", self._tokens[self._next])

    # -- pieces

    def _of_collection(self, collection: str, name: str, token: Token) -> Key:
        if collection == "attributes":
            return self._attribute(name, token)
        if collection == "datasets" and name not in DATASET_FIELDS:
            known = ", ".join(f"datasets.{field}" for field in DATASET_FIELDS)
            raise self._fault(f"datasets have no {name!r}{nearest(name, DATASET_FIELDS)}; there is {known}", token)
        return Key(collection, name)

    def _attribute(self, name: str, token: Token) -> Key:
        known = self._vocabulary
        name = ALIASES.get(name, name) if known is RUNS else name
        if name not in known.attributes:
            others = ["metrics.", "params.", "tags."] if known.has_collections else []
            hint = self._suggest(name) or nearest(name, [*known.attributes, *others])
            raise self._fault(f"{name!r} is no attribute of {known.what}{hint}", token)
        return Key("attributes", name)

    def _dotted_name(self) -> str:
        parts = [self._name()]
        while self._take("."):
            parts.append(self._name())
        return ".".join(parts)

    def _name(self) -> str:
        token = self._advance("a name")
        if token.kind not in ("word", "quoted", "string"):
            raise self._fault("expected a name; put an unusual one in `backticks`", token)
        return token.plain

    def _operator(self) -> str:
        token = self._advance("an operator")
        if token.kind == "operator":
            return token.text
        if token.is_word("LIKE", "ILIKE"):
            return token.text.upper()
        raise self._fault("expected an operator: = != < <= > >= LIKE ILIKE IN IS", token)

    def _value(self, token: Token, key: Key) -> str | float:
        """Return the value that `token` spells, if it is of a kind that `key` can be compared with."""
        if token.kind not in ("string", "number"):
            raise self._fault("expected a number, or a text in quotes", token)
        numeric = token.kind == "number"
        problem = _mismatch(key, numeric)
        if problem:
            raise self._fault(problem, token)
        return float(token.text) if numeric else token.plain

    # -- tokens

    def _peek(self) -> Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else Token("end", "", len(self._text))

    def _advance(self, expected: str) -> Token:
        token = self._peek()
        if token.kind == "end":
            raise self._fault(f"expected {expected}", token)
        self._next += 1
        return token

    def _take(self, mark: str) -> bool:
        token = self._peek()
        found = token.kind == "mark" and token.text == mark
        self._next += found
        return found

    def _take_word(self, word: str) -> bool:
        found = self._peek().is_word(word)
        self._next += found
        return found

    def _require(self, mark: str) -> None:
        if not self._take(mark):
            raise self._fault(f"expected {mark!r}", self._peek())

    def _require_word(self, word: str) -> None:
        if not self._take_word(word):
            raise self._fault(f"expected {word}", self._peek())

    def _fault(self, message: str, token: Token) -> UsageError:
        return UsageError(pointing(message, self._text, token.position, len(token.text)))


def _mismatch(key: Key, numeric: bool) -> str | None:
    """Say what is wrong with comparing `key` with a number (`numeric`) or a text; None when it is right."""
    if key.collection == "metrics" and not numeric:
        return "a metric is compared with a number"
    if key.collection == "tags" and numeric:
        return "a tag is compared with a text in quotes"
    if key.collection == "datasets" and numeric:
        return "a dataset is compared with a text in quotes"
    if key.is_number and not numeric:
        return f"{key.name} is compared with a number"
    if key.collection == "attributes" and numeric and not (key.is_time or key.is_number):
        return f"{key.name} is compared with a text in quotes"
    return None
