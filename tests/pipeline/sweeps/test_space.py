"""The file of a search's space."""

from pathlib import Path

import pytest

from trackbook.errors import UsageError
from trackbook.pipeline.plan import Plan, parse_plan
from trackbook.pipeline.sweeps.space import Choices, SearchSettings, Span, goal_of, read_space

SCRIPT = """
import dataclasses
from typing import Literal

@dataclasses.dataclass(frozen=True)
class Params:
    depth: int = 3
    rate: float = 0.1
    kind: Literal["a", "b"] = "a"
    flag: bool = False

def main(params: Params) -> None:
    pass
"""
SEARCH = '[search]\nmetric = "rmse"\n'


@pytest.fixture(scope="module")
def plan() -> Plan:
    return parse_plan(SCRIPT, Path("p.py"))


def test_a_space_is_read_by_the_types_of_the_params(plan: Plan, tmp_path: Path) -> None:
    """Spans are whole for an int, choices are what the script gets, and the rest has defaults."""
    path = tmp_path / "space.toml"
    path.write_text(
        SEARCH
        + 'direction = "maximize"\nseed = 3\n[depth]\nlow = 2\nhigh = 9\nstep = 2\n[rate]\nlow = 1e-4\nhigh = 1\n'
        'log = true\n[kind]\nchoices = ["b"]\n[flag]\nchoices = [true, false]\n'
    )
    space = read_space(path, plan)
    assert space.search == SearchSettings("rmse", "maximize", seed=3)
    assert goal_of(space).largest
    assert space.values == {
        "depth": Span(2, 9, whole=True, step=2),
        "rate": Span(1e-4, 1, whole=False, log=True),
        "kind": Choices(("b",), ("b",)),
        "flag": Choices((True, False), ("True", "False")),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[depth]\nlow = 1\nhigh = 2", r"\[search\] is not there"),
        ("[search]\n[depth]\nlow = 1\nhigh = 2", r"`metric` of \[search\]"),
        ('[search]\nmetric = "m"\nmetrik = 1', r"`metrik` of \[search\] is no key; did you mean 'metric'"),
        ('[search]\nmetric = "m"\ndirection = "minimise"', "did you mean 'minimize'"),
        ('[search]\nmetric = "m"\nsampler = "tpr"', "did you mean 'tpe'"),
        ('[search]\nmetric = "m"\nseed = "x"', r"\[search\] is not what it should be.*seed"),
        ('[search]\nmetric = "m"\nseed = -1', "negative"),
        (SEARCH, "names no parameter"),
        (SEARCH + "[dept]\nlow = 1\nhigh = 2", r"\[dept\] is no parameter of p.py; did you mean 'depth'"),
        (SEARCH + "[depth]\nlow = 1\nhihg = 2", "`hihg` of .depth. is no key; did you mean 'high'"),
        (SEARCH + "[depth]\nlow = 1", "`high` of .depth. is not there"),
        (SEARCH + "[depth]\nlow = 3\nhigh = 2", "`low` of .depth. is 3, which is more than high = 2"),
        (SEARCH + "[depth]\nlow = 1.5\nhigh = 2", "`low` of .depth. has 1.5, and the parameter is of type int"),
        (SEARCH + '[depth]\nlow = "1"\nhigh = 2', "`low` of .depth. is a number"),
        (SEARCH + "[depth]\nlow = true\nhigh = 2", "`low` of .depth. is a number"),
        (SEARCH + "[rate]\nlow = nan\nhigh = 2", "`low` of .rate. is a number"),
        (SEARCH + "[rate]\nlow = 0\nhigh = 2\nlog = true", "with log it is more than 0"),
        (SEARCH + "[rate]\nlow = 1\nhigh = 2\nlog = 1", "`log` of .rate. is true or false"),
        (SEARCH + "[rate]\nlow = 1\nhigh = 2\nstep = 0", "`step` of .rate. is more than 0"),
        (SEARCH + '[kind]\nchoices = ["a", "c"]', "`choices` of .kind. has 'c'"),
        (SEARCH + "[kind]\nchoices = []", "`choices` of .kind. is a list"),
        (SEARCH + '[kind]\nchoices = ["a"]\nlow = 1', "`choices` of .kind. stands beside"),
        ("depth = 3", r"\[search\] is not there"),
        (SEARCH + "nonsense", "is no TOML"),
    ],
)
def test_what_is_wrong_is_named_by_table_and_key(plan: Plan, tmp_path: Path, text: str, said: str) -> None:
    """Unknown keys with the nearest, missing ones, wrong types and empty ranges."""
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said) as error:
        read_space(path, plan)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_is_named(plan: Plan, tmp_path: Path) -> None:
    """So that a typo on the command line is seen."""
    with pytest.raises(UsageError, match=r"none\.toml cannot be read"):
        read_space(tmp_path / "none.toml", plan)
