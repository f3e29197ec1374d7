"""Scripts to export: a plain one, and one whose every name is hostile."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackbook.project import Project

PLAIN = """
import dataclasses

@dataclasses.dataclass(frozen=True)
class Params:
    rows: int = 8
    share: float = 0.5
    label: str = "a"
    deep: bool = False

# %% [step:load]
def load(rows):
    return list(range(rows))

# %% [step:split]
def split(data, share):
    cut = int(len(data) * share)
    return data[:cut], data[cut:]

# %% [step:train]
def fit(train, label):
    return {label: sum(train)}

# %% [step:report]
def report(model, deep):
    print(model, deep)

def main(params: Params) -> None:
    data = load(params.rows)
    train, test = split(data, params.share)
    model = fit(train, params.label)
    report(model, params.deep)
"""

HOSTILE_STEPS = (
    "a b",
    "a-b",
    "--only",
    "$(touch pwned)",
    "'; touch pwned #",
    '"',
    "${{ secrets.X }}",
    "{% x %}",
    "ähm",
    "1e3",
)

HOSTILE = """
import dataclasses

@dataclasses.dataclass(frozen=True)
class Params:
    größe: int = 1
    Größe: int = 2
    on: str = "yes"
    text: str = "a'b\\"c $(touch pwned) `touch pwned`\\n${{ secrets.X }} {{ ds }}: # é"
    needed: float
    when: "Literal['1e3', 'no', 'a: b']" = "no"
"""


def hostile_script() -> str:
    """Return a script whose steps have the names above."""
    text, calls = HOSTILE, []
    for place, name in enumerate(HOSTILE_STEPS):
        argument = f"v{place - 1}" if place else "first"
        text += f"\n# %% [step:{name}]\ndef f{place}({argument}):\n    return {argument} + 1\n"
        calls.append(f"    v{place} = f{place}({argument if place else 'params.größe'})\n")
    return text + "\ndef main(params: Params) -> None:\n" + "".join(calls)


@pytest.fixture
def script(project: Project) -> Path:
    """A script of four steps in the project's folder."""
    path = project.root / "churn.py"
    path.write_text(PLAIN)
    return path


@pytest.fixture
def hostile(project: Project) -> Path:
    """A script with hostile names, in a file with one."""
    path = project.root / "it's $(touch pwned) ${{ x }}.py"
    path.write_text(hostile_script())
    return path


@pytest.fixture
def odd(project: Project) -> Path:
    """The hostile script without what a cluster takes for a placeholder, which it cannot be told not to."""
    path = project.root / "it's $(touch pwned).py"
    path.write_text(hostile_script().replace("${{ secrets.X }}", "$(HOME)"))
    return path
