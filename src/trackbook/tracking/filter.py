"""The search grammar: MLflow's as a subset, plus OR, NOT, parentheses, IN and numeric comparison of params.

::

    filter     = or
    or         = and { OR and }
    and        = not { AND not }
    not        = [ NOT ] ( "(" or ")" | comparison )
    comparison = key operator value | key [NOT] IN "(" value {"," value} ")" | key IS [NOT] NULL
    key        = ("metrics" | "params" | "tags" | "attributes") "." name | attribute
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | LIKE | ILIKE

Values are bound, never pasted into SQL.  An error points at the token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from trackbook.errors import UsageError, nearest, shown

ATTRIBUTES = {
    "run_id": "run.run_id",
    "run_name": "run.run_name",
    "status": "run.status",
    "start_time": "run.start_time",
    "end_time": "run.end_time",
    "experiment": "experiment.name",
    "user": "run.user",
    "kind": "run.kind",
    "notebook": "run.notebook",
    "parent_run_id": "run.parent_run_id",
    "git_commit": "run.git_commit",
}
MAX_LENGTH = 10_000
MAX_DEPTH = 20
MAX_PARTS = 200
NUMERIC_ATTRIBUTES = frozenset({"start_time", "end_time"})
COLLECTIONS = {
    "metric": "metrics", "metrics": "metrics", "param": "params", "params": "params", "parameters": "params",
    "tag": "tags", "tags": "tags", "attribute": "attributes", "attributes": "attributes", "run": "attributes",
}  # fmt: skip

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
    | (?P<operator><=|>=|!=|=|<|>)
    | (?P<mark>[(),.])
    | (?P<quoted>`[^`]+`)
    | (?P<word>[A-Za-z_][\w/-]*)
    )""",
    re.VERBOSE,
)


class Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    position: int


class Condition(msgspec.Struct, frozen=True):
    """A piece of SQL and the values bound in it."""

    sql: str
    values: tuple[Any, ...] = ()


class Key(msgspec.Struct, frozen=True):
    """What is compared: a metric, param, tag or attribute."""

    collection: str
    name: str


def parse_filter(text: str | None) -> Condition:
    """Return the SQL condition, over `run` joined with `experiment`, that a filter stands for.

    Raises UsageError that points at the token.
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return Condition("1")
    if not isinstance(text, str):
        raise UsageError(f'a filter is a text such as "metrics.r2 > 0.4", not {shown(text)}')
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the filter is {len(text):,} characters long; at most {MAX_LENGTH:,} can be read")
    parser = _Parser(text)
    condition = parser.alternatives()
    parser.expect_end()
    return condition


def parse_order(clauses: Sequence[str] | None) -> Condition:
    """Return the SQL of an ORDER BY: the clauses (`metrics.rmse DESC`, `start_time`), then newest first."""
    sql, values = [], []
    for clause in clauses or ():
        if not isinstance(clause, str):
            raise UsageError(f'order_by is a list of texts such as "metrics.rmse DESC", not {shown(clause)}')
        parser = _Parser(clause)
        term = _expression(parser.key())
        direction = parser.direction()
        parser.expect_end()
        sql.append(f"({term.sql}) IS NULL, ({term.sql}) {direction}")
        values += [*term.values, *term.values]
    return Condition(", ".join([*sql, "run.start_time DESC, run.id DESC"]), tuple(values))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    # -- grammar

    def alternatives(self) -> Condition:
        return self._joined("OR", lambda: self._joined("AND", self._negation))

    def _joined(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._take_word(word):
            if len(parts) == MAX_PARTS:
                raise self._fault(f"more than {MAX_PARTS} conditions in a row; use IN", self._tokens[self._next - 1])
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return Condition(
            "(" + f" {word} ".join(each.sql for each in parts) + ")",
            tuple(value for each in parts for value in each.values),
        )

    def _negation(self) -> Condition:
        if self._take_word("NOT"):
            with self._deeper():
                inner = self._negation()
            return Condition(f"({inner.sql} IS NOT 1)", inner.values)  # true of NULL too
        if self._take("mark", "("):
            with self._deeper():
                inner = self.alternatives()
            self._require("mark", ")")
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

    def _comparison(self) -> Condition:
        key = self.key()
        if self._take_word("IS"):
            absent = not self._take_word("NOT")
            self._require_word("NULL")
            term = _expression(key)
            return Condition(f"(({term.sql}) IS {'' if absent else 'NOT '}NULL)", term.values)
        negated = self._take_word("NOT")
        if negated or self._peek_word("IN"):
            self._require_word("IN")
            return _membership(key, self._values(key), negated)
        operator = self._operator()
        token = self._advance("a value")
        value = self._value(token, key)
        if operator in ("LIKE", "ILIKE") and isinstance(value, float):
            raise self._fault(f"{operator} needs a text in quotes", token)
        return _compare(key, operator, value)

    def key(self) -> Key:
        token = self._advance("a key such as metrics.rmse")
        word = _unquoted(token)
        if token.kind not in ("word", "quoted", "string"):
            raise self._fault("expected a key such as metrics.rmse", token)
        collection = COLLECTIONS.get(word.lower()) if token.kind == "word" else None
        if collection is not None and self._take("mark", "."):
            name = self._dotted_name()
            return self._attribute(name, token) if collection == "attributes" else Key(collection, name)
        return self._attribute(word, token)

    def direction(self) -> str:
        if self._take_word("DESC"):
            return "DESC"
        self._take_word("ASC")
        return "ASC"

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise self._fault("expected AND, OR or the end", self._tokens[self._next])

    # -- pieces

    def _attribute(self, name: str, token: Token) -> Key:
        name = {"Created": "start_time", "name": "run_name", "experiment_name": "experiment"}.get(name, name)
        if name not in ATTRIBUTES:
            known = [*ATTRIBUTES, "metrics.", "params.", "tags."]
            raise self._fault(f"{name!r} is no attribute of a run{nearest(name, known)}", token)
        return Key("attributes", name)

    def _dotted_name(self) -> str:
        parts = [self._name()]
        while self._take("mark", "."):
            parts.append(self._name())
        return ".".join(parts)

    def _name(self) -> str:
        token = self._advance("a name")
        if token.kind not in ("word", "quoted", "string"):
            raise self._fault("expected a name; put an unusual one in `backticks`", token)
        return _unquoted(token)

    def _operator(self) -> str:
        token = self._advance("an operator")
        if token.kind == "operator":
            return token.text
        if token.text.upper() in ("LIKE", "ILIKE"):
            return token.text.upper()
        raise self._fault("expected an operator: = != < <= > >= LIKE ILIKE IN IS", token)

    def _values(self, key: Key) -> list[str | float]:
        self._require("mark", "(")
        values = [self._value(self._advance("a value"), key)]
        while self._take("mark", ","):
            token = self._advance("a value")
            values.append(self._value(token, key))
            if type(values[-1]) is not type(values[0]):
                raise self._fault("a list holds either numbers or texts", token)
        self._require("mark", ")")
        return values

    def _value(self, token: Token, key: Key) -> str | float:
        """Return the value that `token` spells, if it is of a kind that `key` can be compared with."""
        if token.kind not in ("string", "number"):
            raise self._fault("expected a number, or a text in quotes", token)
        numeric = token.kind == "number"
        problem = _mismatch(key, numeric)
        if problem:
            raise self._fault(problem, token)
        return float(token.text) if numeric else _unquoted(token)

    # -- tokens

    def _advance(self, expected: str) -> Token:
        if self._next >= len(self._tokens):
            raise self._fault(f"expected {expected}", Token("end", "", len(self._text)))
        self._next += 1
        return self._tokens[self._next - 1]

    def _take(self, kind: str, text: str) -> bool:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.kind == kind and token.text == text:
                self._next += 1
                return True
        return False

    def _peek_word(self, word: str) -> bool:
        return self._next < len(self._tokens) and self._is(self._tokens[self._next], word)

    def _take_word(self, word: str) -> bool:
        found = self._peek_word(word)
        self._next += found
        return found

    @staticmethod
    def _is(token: Token, word: str) -> bool:
        return token.kind == "word" and token.text.upper() == word

    def _require(self, kind: str, text: str) -> None:
        if not self._take(kind, text):
            raise self._fault(f"expected {text!r}", self._advance(repr(text)))

    def _require_word(self, word: str) -> None:
        if not self._take_word(word):
            raise self._fault(f"expected {word}", self._advance(word))

    def _fault(self, message: str, token: Token) -> UsageError:
        return UsageError(f"{message}\n  {self._text}\n  {' ' * token.position}{'^' * max(1, len(token.text))}")


def _tokens(text: str) -> list[Token]:
    # What is no text cannot be searched for: a lone surrogate, as an argument that is not UTF-8 brings along.
    text = text.encode("utf-8", "backslashreplace").decode()
    tokens, position = [], 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            raise UsageError(f"cannot read the filter from here\n  {text}\n  {' ' * at}^")
        tokens.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return tokens


def _unquoted(token: Token) -> str:
    if token.kind == "string":
        quote = token.text[0]
        return token.text[1:-1].replace(quote * 2, quote)
    return token.text[1:-1] if token.kind == "quoted" else token.text


# -- SQL


def _expression(key: Key, *, numeric: bool = False) -> Condition:
    """Return the SQL of a key's value for the run at hand: NULL where the run has none, and for a NaN."""
    if key.collection == "attributes":
        return Condition(ATTRIBUTES[key.name])
    if key.collection == "tags":
        return Condition("SELECT value FROM tag WHERE tag.run_id = run.id AND tag.key = ?", (key.name,))
    table, column = ("metric", "nullif(last, 'NaN')") if key.collection == "metrics" else ("param", "value")
    if table == "param" and numeric:
        column = "number"
    return Condition(
        f"SELECT {column} FROM {table} WHERE {table}.run_id = run.id"  # noqa: S608 - names from this function
        f" AND {table}.key_id = (SELECT id FROM key WHERE name = ?)",
        (key.name,),
    )


def _mismatch(key: Key, numeric: bool) -> str | None:
    """Say what is wrong with comparing `key` with a number (`numeric`) or a text; None when it is right."""
    if key.collection == "metrics" and not numeric:
        return "a metric is compared with a number"
    if key.collection == "tags" and numeric:
        return "a tag is compared with a text in quotes"
    if key.collection == "attributes" and numeric != (key.name in NUMERIC_ATTRIBUTES):
        return f"{key.name} is compared with {'a text in quotes' if numeric else 'a number (milliseconds)'}"
    return None


def _compare(key: Key, operator: str, value: str | float) -> Condition:
    term = _expression(key, numeric=isinstance(value, float))
    if operator == "LIKE":
        return Condition(f"(({term.sql}) GLOB ?)", (*term.values, _glob(str(value))))
    sql = "LIKE" if operator == "ILIKE" else operator
    return Condition(f"(({term.sql}) {sql} ?)", (*term.values, value))


def _membership(key: Key, values: list[str | float], negated: bool) -> Condition:
    term = _expression(key, numeric=isinstance(values[0], float))
    marks = ", ".join("?" * len(values))
    return Condition(f"(({term.sql}) {'NOT ' if negated else ''}IN ({marks}))", (*term.values, *values))


def _glob(pattern: str) -> str:
    """Return SQL's LIKE pattern as a GLOB pattern, which minds the case."""
    escaped = re.sub(r"[*?\[]", lambda match: f"[{match[0]}]", pattern)
    return escaped.replace("%", "*").replace("_", "?")
