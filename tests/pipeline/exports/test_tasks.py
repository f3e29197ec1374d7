"""Steps of a plan as tasks: names, order, groups."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.pipeline.exports.names import cleaned
from trackbook.pipeline.exports.tasks import params_of, tasks_of
from trackbook.pipeline.plan import Plan, parse_plan
from trackbook.pipeline.running.groups import Groups, groups_of

from .conftest import HOSTILE_STEPS, PLAIN, hostile_script


def apart(plan: Plan, *of: int) -> Groups:
    """Return groups by the first step of each, with the order that the values give."""
    return Groups(of, tuple(frozenset(plan.producers(step).values()) for step in plan.steps))


PLAN = parse_plan(PLAIN, Path("churn.py"))


def test_a_task_comes_after_what_it_is_handed() -> None:
    """What the script shows between steps becomes the order of tasks, with the parameters each is handed."""
    tasks = tasks_of(PLAN, groups_of(PLAN))
    assert tasks[-1].given == ("rows", "share", "label", "deep")
    assert [(task.clean, task.after, task.params) for task in tasks] == [
        ("load", (), ("rows",)),
        ("split", ("load",), ("share",)),
        ("train", ("split",), ("label",)),
        ("report", ("train",), ("deep",)),
    ]


def test_steps_that_share_a_process_are_one_task_with_all_between() -> None:
    """A group takes in the steps that it could only run around, so that no two tasks need each other."""
    tasks = tasks_of(PLAN, apart(PLAN, 0, 1, 0, 3))
    assert [(task.steps, task.after) for task in tasks] == [
        (("load", "split", "train"), ()),
        (("report",), ("load_split_train",)),
    ]


def test_a_task_never_stands_before_one_that_it_needs() -> None:
    """A group that begins early and ends late stands where all that it needs is done."""
    source = PLAIN.replace("    report(model", "    note = note_it()\n    report(model").replace(
        "# %% [step:report]", "# %% [step:note]\ndef note_it():\n    return 1\n\n# %% [step:report]"
    )
    plan = parse_plan(source, Path("x.py"))
    tasks = tasks_of(plan, apart(plan, 0, 0, 0, 3, 3))
    done: set[str] = set()
    for task in tasks:
        assert set(task.after) <= done
        done.add(task.clean)


@given(st.lists(st.text(min_size=1)))
def test_clean_names_are_identifiers_and_differ(names: list[str]) -> None:
    """Whatever the names, what comes of them are distinct ASCII identifiers."""
    found = cleaned(names, fallback="step", reserved={"start", "step"})
    assert len(set(found.values())) == len(set(names))
    assert all(name.isidentifier() and name.isascii() and name not in ("start", "step") for name in found.values())


def test_hostile_names_stay_apart() -> None:
    """Names that are the same after cleaning get numbers; the steps keep their own."""
    plan = parse_plan(hostile_script(), Path("x.py"))
    tasks = tasks_of(plan, groups_of(plan))
    assert tuple(task.steps[0] for task in tasks) == HOSTILE_STEPS
    assert len({task.clean for task in tasks}) == len(HOSTILE_STEPS)
    assert len({param.variable for param in params_of(plan)}) == len(plan.params)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("x: int = 3", ("int", 3, True)),
        ("x: float = 3", ("float", 3, True)),
        ("x: bool = True", ("bool", True, True)),
        ("x: int = None", ("other", None, True)),
        ("x: 'Path' = Path('a')", ("other", None, False)),
        ("x: int", ("int", None, False)),
    ],
)
def test_a_parameter_has_the_kind_and_default_that_its_field_says(field: str, expected: object) -> None:
    """A default that does not fit its annotation makes the parameter a text; one that only the script knows is none."""
    (param,) = params_of(parse_plan(f"class Params:\n    {field}\ndef main(params):\n    pass\n", Path("x.py")))
    assert (param.kind, param.default, param.known) == expected
