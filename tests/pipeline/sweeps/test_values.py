"""What `-p` gives a parameter: one value, or several."""

from pathlib import Path

import pytest

from trackbook.errors import PipelineError
from trackbook.pipeline.plan import Plan, parse_plan
from trackbook.pipeline.sweeps.grid import read_grid
from trackbook.pipeline.sweeps.values import may_vary

SCRIPT = """
import dataclasses
from pathlib import Path
from typing import Any, Literal

@dataclasses.dataclass(frozen=True)
class Params:
    depth: int = 3
    rate: float = 0.1
    kind: Literal["a", "b", "a,b"] = "a"
    flag: bool = False
    name: str = "n"
    path: Path = Path("p")
    sizes: list[int] = (1,)
    pair: tuple[int, int] = (1, 2)
    table: dict[str, int] = None
    limit: int | None = None
    mixed: int | str = 0
    free: Any = 0
    own: Colour = None

def main(params: Params) -> None:
    pass
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return parse_plan(SCRIPT, Path("p.py"))


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        ({"depth": ["3,5,7"]}, ("3", "5", "7")),
        ({"depth": ["3, 5"]}, ("3", "5")),
        ({"depth": ["3", "5,7"]}, ("3", "5", "7")),
        ({"depth": ["3,03,+3"]}, ("3",)),
        ({"rate": ["1e-3,0.1"]}, ("1e-3", "0.1")),
        ({"flag": ["true,false"]}, ("true", "false")),
        ({"kind": ["a,b"]}, ("a,b",)),
        ({"kind": ["b,a"]}, ("b", "a")),
        ({"name": ["a,b"]}, ("a,b",)),
        ({"name": ["a", "b"]}, ("a", "b")),
        ({"path": ["a,b.csv"]}, ("a,b.csv",)),
        ({"sizes": ["[1,2]", "[3]"]}, ("[1,2]", "[3]")),
        ({"sizes": ["1,2"]}, ("1,2",)),
        ({"pair": ["(1,2)"]}, ("(1,2)",)),
        ({"table": ["{'a': 1, 'b': 2}"]}, ("{'a': 1, 'b': 2}",)),
        ({"limit": ["None,3"]}, ("None", "3")),
        ({"mixed": ["1,2"]}, ("1,2",)),
        ({"free": ["1,2"]}, ("1,2",)),
        ({"own": ["red,blue"]}, ("red,blue",)),
        ({"depth": [3]}, (3,)),
    ],
)
def test_a_text_is_split_only_where_it_is_no_value_as_a_whole(
    plan: Plan, texts: dict[str, list[object]], values: tuple[object, ...]
) -> None:
    """Commas part values of types that have none; every other text stays whole; what is said twice counts once."""
    assert list(read_grid(plan, texts).values.values()) == [values]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"depth": ["3,x"]}, "'depth' is of type int; '3,x' is not, nor is its part 'x'"),
        ({"depth": ["3,,5"]}, "nor is its part ''"),
        ({"dept": ["3,5"]}, "did you mean 'depth'"),
    ],
)
def test_a_wrong_part_is_named(plan: Plan, texts: dict[str, list[object]], said: str) -> None:
    """A part that is no value of the type, and an unknown parameter, are errors that say which."""
    with pytest.raises(PipelineError, match=said):
        read_grid(plan, texts)


def test_a_grid_is_every_combination(plan: Plan) -> None:
    """The last parameter varies fastest, and what has one value does not vary."""
    grid = read_grid(plan, {"depth": ["1,2"], "name": ["x"], "rate": ["0.1,0.2"]})
    assert (len(grid), grid.varied) == (4, ("depth", "rate"))
    assert [tuple(trial.params.values()) for trial in grid.trials()] == [
        ("1", "x", "0.1"), ("1", "x", "0.2"), ("2", "x", "0.1"), ("2", "x", "0.2"),
    ]  # fmt: skip


def test_a_plain_run_is_told_without_the_script() -> None:
    """Only a comma or a repeated parameter makes it worth looking at the script."""
    assert not may_vary({"depth": ["3"], "size": [4]})
    assert may_vary({"depth": ["3,4"]})
    assert may_vary({"depth": ["3", "4"]})
