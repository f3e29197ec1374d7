"""What may be decided of a version, as buttons that ask again before anything is changed."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from trackbook.errors import TrackbookError
from trackbook.registry import STAGES, Registry
from trackbook.widgets import grid, html

Act = Callable[[Registry], object]


class Decisions:
    """Promote, approve, reject and roll back; `changed` is called after each of them.  `box` is the widget."""

    def __init__(
        self, open_registry: Callable[[], Registry], name: str, version: int, changed: Callable[[], None]
    ) -> None:
        self._open, self._name, self._version, self._changed = open_registry, name, version, changed
        self._asked: Act | None = None
        narrow = ipw.Layout(width="auto", min_width="0")
        self._stage = ipw.Dropdown(options=[*STAGES], value="production", description="Stage", layout=narrow)
        self._stage.tooltip = "The stage that is decided about"
        self._stage.observe(lambda _: self.show(), "value")
        self._why = ipw.Text(
            description="Reason", placeholder="Kept with the audit event",
            layout=ipw.Layout(width="auto", flex="1 1 auto"),
        )  # fmt: skip
        self._why.tooltip = "Reason or comment, kept with the audit event"
        self._override = ipw.Checkbox(False, description="Override gates and approvals", indent=False, layout=narrow)
        buttons = (
            ("Promote", "Move the version to the stage", self._promote),
            ("Approve", "Approve the version for the stage", self._approve),
            ("Reject", "Reject the version for the stage", self._reject),
            ("Roll back", "Bring the version back that was in production before", self._roll_back),
        )
        self._buttons = ipw.HBox([grid.button(*each) for each in buttons])
        self._standing = ipw.HTML()
        self._question = ipw.HTML()
        yes, no = grid.button("Yes", "Do it", self._do), grid.button("No", "Change nothing", self._leave)
        yes.button_style = "danger"
        self._confirm = ipw.HBox([self._question, yes, no], layout=ipw.Layout(display="none"))
        self._confirm.add_class("tb-confirm")
        self._error = ipw.HTML()
        choice = ipw.HBox([self._stage, self._why])
        self.box = ipw.VBox([choice, self._override, self._standing, self._buttons, self._confirm, self._error])
        self._yes = yes

    def show(self) -> None:
        """Say what a promotion to the chosen stage still lacks."""
        self._leave()
        try:
            standing = self._open().standing(self._name, self._version, self._stage.value)
        except TrackbookError as problem:  # trackbook.toml may be wrong meanwhile
            self._standing.value = html.view(f'<p class="tb-red" role="alert">{html.text(problem)}</p>')
            return
        lacking = "".join(f"<li>{html.text(each)}</li>" for each in standing.sentences)
        remarks = "".join(f'<p class="tb-quiet">{html.text(each)}</p>' for each in standing.remarks)
        there = standing.current_stage == standing.stage
        said = "<p>It is there already.</p>" if there else "<p>Nothing is lacking.</p>"
        said = f"<p>It lacks:</p><ul>{lacking}</ul>" if lacking else said
        self._standing.value = html.view(said + remarks)

    # -- what users do

    def _promote(self) -> None:
        stage, override = self._stage.value, self._override.value
        what = f"Promote {self._name} {self._version} to {stage}"
        self._ask(
            f"{what} AGAINST its gates and approvals, for the reason “{self._why.value}”?" if override else f"{what}?",
            lambda registry: registry.promote(self._name, self._version, stage, self._reason, override=override),
            red=override,
        )

    def _approve(self) -> None:
        stage = self._stage.value
        self._ask(
            f"Approve {self._name} {self._version} for {stage}?",
            lambda registry: registry.approve(self._name, self._version, stage, self._why.value),
        )

    def _reject(self) -> None:
        stage = self._stage.value
        self._ask(
            f"Reject {self._name} {self._version} for {stage}?",
            lambda registry: registry.reject(self._name, self._version, stage, self._why.value),
        )

    def _roll_back(self) -> None:
        self._ask(
            f"Take the version of {self._name} that is in production out, and bring back the one before it?",
            lambda registry: registry.rollback(self._name, self._reason),
            red=True,
        )

    @property
    def _reason(self) -> str | None:
        return self._why.value.strip() or None

    def _ask(self, question: str, act: Act, *, red: bool = False) -> None:
        self._asked = act
        self._error.value = ""
        self._question.value = f'<span role="alert"{" class=tb-red" if red else ""}>{html.text(question)}</span>'
        self._confirm.layout.display = None
        self._yes.focus()

    def _leave(self) -> None:
        self._asked = None
        self._confirm.layout.display = "none"

    def _do(self) -> None:
        act = self._asked
        self._leave()
        if act is not None and grid.tried(self._error, lambda: act(self._open())):
            self._why.value, self._override.value = "", False
            self._changed()
