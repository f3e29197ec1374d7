"""How a run of a pipeline is shown while it goes on: lines for people, or one JSON object a line."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import suppress

import click
import msgspec

from trackbook.cli.output import print_text
from trackbook.pipeline.outcome import (
    Noticed,
    OutputPrinted,
    PipelineEvent,
    PipelineResult,
    RunEnded,
    RunStarted,
    StepProgress,
)
from trackbook.tracking.words import number

SIGNS = {"executed": "✓", "cached": "=", "failed": "✗", "skipped": "-", "retrying": "↻"}
TICK_SECONDS = 1.0


class Events:
    """Shows events; with a terminal, also what is running, how long it has and how long it took last time.

    `explain` says why each step ran, `prefixed` puts the step's name before what it prints.
    """

    def __init__(self, *, as_json: bool, explain: bool, prefixed: bool) -> None:
        self._as_json, self._explain, self._prefixed = as_json, explain, prefixed
        self._lock = threading.Lock()
        self._running: dict[str, tuple[float, float | None]] = {}
        self._begun: dict[tuple[str, bool], str] = {}
        self._drawn = 0
        self._end = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True) if sys.stderr.isatty() and not as_json else None

    def __enter__(self) -> Events:
        if self._ticker is not None:
            self._ticker.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        with self._lock:
            self._clear()

    def __call__(self, event: PipelineEvent) -> None:
        """Show one event."""
        with self._lock:
            self._clear()
            if self._as_json:
                click.echo(msgspec.json.encode(event).decode())
            else:
                self._show(event)

    def _show(self, event: PipelineEvent) -> None:
        if isinstance(event, OutputPrinted):
            self._print(event)
        elif isinstance(event, StepProgress):
            self._step(event)
        elif isinstance(event, RunEnded):
            print_text(f"{event.result.status.lower()} in {seconds(event.result.seconds)}, {_counts(event.result)}")
            if event.result.metrics:
                print_text("  ".join(f"{name}={number(value)}" for name, value in event.result.metrics.items()))
        elif isinstance(event, Noticed):
            click.echo(event.text, err=True)
        elif isinstance(event, RunStarted) and event.expected and self._ticker is not None:
            click.echo(f"the steps took {seconds(event.expected)} when they last ran", err=True)

    def _step(self, step: StepProgress) -> None:
        if step.state == "started":
            self._running[step.name] = (time.monotonic(), step.expected)
            return
        self._print_begun(step.name)
        if step.state != "retrying":
            self._running.pop(step.name, None)
        said = [step.reason] if step.reason else []
        if self._explain and step.why:
            said.append(f"ran because {step.why}")
        place = f"[{step.position}/{step.total}]"
        took = f", {seconds(step.seconds)}" if step.state in ("executed", "failed") else ""
        print_text(f"{SIGNS.get(step.state, '?')} {place} {step.name}: {step.state}{took}  {'; '.join(said)}".rstrip())

    def _print(self, printed: OutputPrinted) -> None:
        is_error = printed.stream == "stderr"
        if not (self._prefixed and printed.step):
            click.echo(printed.text, nl=False, err=is_error)
            return
        # Lines of several steps come at once: each is shown when it is whole.
        *lines, rest = (self._begun.pop((printed.step, is_error), "") + printed.text).split("\n")
        for line in lines:
            click.echo(f"{printed.step} | {line}", err=is_error)
        if rest:
            self._begun[printed.step, is_error] = rest

    def _print_begun(self, step: str) -> None:
        for is_error in (False, True):
            if rest := self._begun.pop((step, is_error), ""):
                click.echo(f"{step} | {rest}", err=is_error)

    def _tick(self) -> None:
        while not self._end.wait(TICK_SECONDS):
            with self._lock, suppress(OSError):
                self._draw()

    def _draw(self) -> None:
        now = time.monotonic()
        parts = [
            f"{name} {seconds(now - began)}" + (f" of about {seconds(expected)}" if expected else "")
            for name, (began, expected) in self._running.items()
            if now - began > TICK_SECONDS
        ]
        self._clear()
        if parts:
            text = f"… {', '.join(parts)}"[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r{text}")
            sys.stderr.flush()
            self._drawn = len(text)

    def _clear(self) -> None:
        if self._drawn:  # with blanks: notebooks, where `!` makes a terminal, know no other way
            sys.stderr.write(f"\r{' ' * self._drawn}\r")
            sys.stderr.flush()
            self._drawn = 0


def seconds(value: float | None) -> str:
    """Return a time in seconds as people say it; empty for None."""
    if value is None:
        return ""
    if value < 60:
        return f"{value:.2f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _counts(result: PipelineResult) -> str:
    states = [step.status for step in result.steps]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"run {result.run_id[:8]}: {counts or 'no steps'}"
