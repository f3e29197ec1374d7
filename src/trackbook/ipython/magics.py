"""The magics: each parses its line, calls one service function and shows the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from trackbook.errors import nearest
from trackbook.ipython.arguments import parse, shows_usage_errors, without_comment
from trackbook.ipython.display import dataset_card, model_card, progress_line, reproduction_card
from trackbook.ipython.tracking import TrackedCells, parse_track, track_options
from trackbook.ipython.views import RunViews
from trackbook.project import CurrentProject

STATES = ("on", "off", "status")


@magics_class
class TrackbookMagics(Magics):
    """Everything that begins with a percent sign."""

    def __init__(self, shell: Any, cells: TrackedCells, current: CurrentProject, views: RunViews) -> None:
        super().__init__(shell)
        self._shell = shell
        self._cells = cells
        self._current = current
        self._views = views

    @line_cell_magic
    @shows_usage_errors
    def track(self, line: str, cell: str | None = None) -> None:
        """Track cells as runs.

        `%track on` tracks every following cell, `%track off` stops, `%track status` says what is going on.
        """
        if cell is not None:
            # Reached only with arguments that are wrong, or from another place than the top of a cell.
            parse_track(line)
            raise UsageError("%%track must stand on the first line of a cell")
        state = without_comment(line).strip() or "status"
        if state not in STATES:
            raise UsageError(f"%track takes {', '.join(STATES)}, not {state!r}{nearest(state, STATES)}")
        if state != "status":
            self._cells.always = state == "on"
        project = self._current.get()
        tracked = "every cell" if self._cells.always else "cells that begin with %%track"
        print(f"Tracking {tracked} in experiment {project.tracker.experiment!r}, kept in {project.store.root}")

    track.__doc__ = f"{track.__doc__}\n{track_options.__doc__}"

    @cell_magic
    @shows_usage_errors
    def step(self, line: str, cell: str) -> None:
        """Make this cell part of the pipeline step NAME: `%%step NAME [--after A]`, the same as the tag `step:NAME`."""
        raise UsageError("%%step must stand on the first line of a cell")

    @magic_arguments()
    @argument("filter", nargs="*", help="which runs, e.g. metrics.r2 > 0.4 and params.depth = 3")
    @argument("--order-by", action="append", default=[], help="e.g. 'metrics.r2 DESC'; may be repeated")
    @argument("--limit", type=int, default=20, help="so many runs a page")
    @line_magic
    @shows_usage_errors
    def runs(self, line: str) -> Any:
        """Show runs to search, sort and pick from, newest first: `%runs [FILTER] [--order-by X]`."""
        options = parse(self.runs, line, verbatim=("filter",))
        return self._views.show_runs(
            self._current.get().runs, " ".join(options.filter), options.order_by, options.limit
        )

    @magic_arguments()
    @argument("run", nargs="+", help="run ids, or their first characters")
    @line_magic
    @shows_usage_errors
    def compare(self, line: str) -> Any:
        """Compare runs by params, metrics, curves, code and environment: `%compare RUN RUN …`."""
        options = parse(self.compare, line)
        return self._views.show_comparison(self._current.get().runs, options.run)

    @magic_arguments()
    @argument("run", help="the run's id, or its first characters")
    @argument("--env", default="current", help="current (this interpreter) or locked (the run's own versions)")
    @argument("--timeout", type=float, help="seconds that each repeat may take")
    @line_magic
    @shows_usage_errors
    def reproduce(self, line: str) -> Any:
        """Repeat a run in a fresh process and show the verdict: `%reproduce RUN [--env current|locked]`."""
        options = parse(self.reproduce, line)
        reproductions = self._current.get().reproductions
        with progress_line() as say:
            found = reproductions.reproduce(options.run, env=options.env, timeout=options.timeout, on_progress=say)
        return reproduction_card(found)

    @magic_arguments()
    @argument("name", help="the dataset's name")
    @argument("variable", help="the frame, or the path of a file")
    @line_magic
    @shows_usage_errors
    def snapshot(self, line: str) -> Any:
        """Keep a frame or file as the next version of a dataset: `%snapshot NAME VARIABLE`."""
        options = parse(self.snapshot, line)
        project = self._current.get()
        active = project.tracker.active
        value = self._namespace.get(options.variable, Path(options.variable))
        return dataset_card(project.data.snapshot(value, options.name, run_id=active.run_id if active else None))

    @magic_arguments()
    @argument("variable", help="the fitted model, or the path of a file or folder")
    @argument("name", help="the name to register it under")
    @argument("--format", help="how it is kept; default: the format of its type")
    @argument("--run", help="the run it came from; default: the newest one that wrote this model")
    @argument("--description", default="", help="a sentence about this version")
    @argument("--intended-use", help="what the model is for; kept with it, for its card")
    @argument("--limits", help="where the model must not be used; kept with it, for its card")
    @line_magic
    @shows_usage_errors
    def register(self, line: str) -> Any:
        """Register a model as the next version of a name: `%register VARIABLE NAME [--format FORMAT]`."""
        options = parse(self.register, line)
        project = self._current.get()
        path = Path(options.variable)
        is_path = options.variable not in self._namespace and path.exists()
        model = path if is_path else self._variable(options.variable)
        active = project.tracker.active
        run_id = options.run or (active.run_id if active else None if is_path else project.runs.writer_of(model))
        registry = project.registry
        version = registry.register(
            model, options.name, run_id=run_id, description=options.description, format=options.format
        )
        if options.intended_use or options.limits:
            registry.edit(options.name, intended_use=options.intended_use, limits=options.limits)
        return model_card(version, registry.get(options.name))

    @magic_arguments()
    @argument("name", help="the model's name")
    @argument("version", type=int, help="its version")
    @argument("stage", help="staging, production, archived or none")
    @argument("--reason", help="kept with the audit event")
    @line_magic
    @shows_usage_errors
    def promote(self, line: str) -> Any:
        """Move a model version to a stage, if its gates let it: `%promote NAME VERSION STAGE`."""
        options = parse(self.promote, line)
        registry = self._current.get().registry
        return model_card(registry.promote(options.name, options.version, options.stage, reason=options.reason))

    @magic_arguments()
    @argument("filter", nargs="*", help="words that name, stage, alias, owner or tags hold, e.g. churn production")
    @line_magic
    @shows_usage_errors
    def models(self, line: str) -> Any:
        """Show the registered models, to look into, compare, approve and promote: `%models [FILTER]`."""
        options = parse(self.models, line)
        project = self._current.get()
        return self._views.show_models(lambda: project.registry, " ".join(options.filter))

    @magic_arguments()
    @argument("reference", help="a variable, a dataset version such as data:/patients@1, or a file")
    @argument("current", help="what to compare with it")
    @line_magic
    @shows_usage_errors
    def drift(self, line: str) -> Any:
        """Compare two frames and keep the report: `%drift REFERENCE CURRENT`."""
        from trackbook.charts import DriftReport

        options = parse(self.drift, line)
        project = self._current.get()
        frames = [self._frame(operand) for operand in (options.reference, options.current)]
        active = project.tracker.active
        names = (options.reference, options.current)
        report = project.drift.check(*frames, names=names, run_id=active.run_id if active else None)
        return DriftReport.of(report)

    @property
    def _namespace(self) -> dict[str, Any]:
        namespace: dict[str, Any] = self._shell.user_ns
        return namespace

    def _frame(self, operand: str) -> Any:
        if operand in self._namespace:
            return self._namespace[operand]
        return self._current.get().data.frame(operand)

    def _variable(self, name: str) -> Any:
        namespace = self._namespace
        if name not in namespace:
            raise UsageError(f"there is no variable {name!r}{nearest(name, namespace)}")
        return namespace[name]
