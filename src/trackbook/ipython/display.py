"""What magics show: a small card with facts, and a line of progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackbook.data import DatasetVersion
    from trackbook.registry import Model, ModelVersion
    from trackbook.tracking import Progress, Reproduction


class Card:
    """A title and facts, as text in a terminal and as a small table in a notebook; stored text stays text.

    A `warning` stands below the title, in red where there are colours.
    """

    def __init__(self, title: str, facts: Mapping[str, str], warning: str = "") -> None:
        self.title = title
        self.warning = warning
        self.facts = {name: fact for name, fact in facts.items() if fact}

    def __repr__(self) -> str:
        head = [self.title, *([f"  {self.warning}"] if self.warning else [])]
        return "\n".join([*head, *(f"  {name}: {fact}" for name, fact in self.facts.items())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left;font-weight:normal;opacity:.7">{escape(name)}</th>'
            f'<td style="text-align:left">{escape(fact)}</td></tr>'
            for name, fact in self.facts.items()
        )
        red = f'<div style="color:var(--jp-error-color1,#d32f2f)">{escape(self.warning)}</div>' if self.warning else ""
        return f"<div><strong>{escape(self.title)}</strong>{red}<table>{rows}</table></div>"


def dataset_card(version: DatasetVersion) -> Card:
    """Return the card of a dataset version."""
    shape = "" if version.rows is None else f"{version.rows:,} rows × {version.columns} columns"
    facts = {"shape": shape, "fingerprint": version.fingerprint[:12], "load with": f'tb.load_data("{version.uri}")'}
    return Card(f"Dataset {version.name}, version {version.version}", facts)


def model_card(version: ModelVersion, model: Model | None = None) -> Card:
    """Return the card of a model version, with what its gates last said, and what nobody has said of its `model`."""
    facts = {
        "stage": version.stage,
        "aliases": ", ".join(version.aliases),
        "metrics": ", ".join(f"{name} {value:.4g}" for name, value in version.metrics.items()),
        "run": (version.run_id or "")[:8],
        "registered by": version.maker,
        "gates": "; ".join(f"{'passed' if gate.passed else 'failed'}: {gate.reason}" for gate in version.gates),
        "load with": f'tb.load_model("{version.uri}")',
        "not stated yet": "" if model is None else _not_stated(model),
    }
    return Card(f"Model {version.name}, version {version.version}", facts, "; ".join(version.warnings))


def _not_stated(model: Model) -> str:
    stated = {"intended use": model.intended_use, "limits": model.limits}
    lacking = " and ".join(name for name, text in stated.items() if not text)
    return f"{lacking}; %models {model.name} asks for it" if lacking else ""


def reproduction_card(reproduction: Reproduction) -> Card:
    """Return the card of a verdict: the sentence, what differs, why, and what to do."""
    from trackbook.tracking.reproduction.verdict import facts, headline

    title = f"Run {reproduction.run_id[:8]} {headline(reproduction)}"
    return Card(title, {name: "; ".join(lines) for name, lines in facts(reproduction).items()})


@contextmanager
def progress_line() -> Iterator[Callable[[Progress], None]]:
    """Show progress on one line that is gone at the end; in a terminal as in a notebook."""
    width = 0

    def say(progress: Progress) -> None:
        nonlocal width
        text = progress.text[:100]
        sys.stdout.write(f"\r{text.ljust(width)}")
        sys.stdout.flush()
        width = len(text)

    try:
        yield say
    finally:
        sys.stdout.write("\r" + " " * width + "\r")
        sys.stdout.flush()
