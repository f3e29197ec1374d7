"""What targets on Kubernetes share: texts in a container's command that nothing fills in."""

from __future__ import annotations

from trackbook.errors import UsageError
from trackbook.pipeline.exports.text import run_command
from trackbook.pipeline.exports.values import Export, Task


def words(export: Export, task: Task) -> list[str]:
    """Return the command of a task for a container, whose `$(NAME)` Kubernetes takes for a variable."""
    return [plain(word) for word in run_command(export, task)]


def plain(text: str) -> str:
    """Return a text that Kubernetes leaves as it is."""
    return text.replace("$(", "$$(")


def check_braces(export: Export) -> None:
    """Raise UsageError for a name with `{{`: Argo and Kubeflow take that for a placeholder, whatever stands before."""
    names = [export.script, export.storage, *(step for task in export.tasks for step in task.steps)]
    found = next((name for name in names if "{{" in name), None)
    if found is not None:
        raise UsageError(f"{found!r} holds `{{{{`, which is a placeholder to Argo and Kubeflow: give it another name")
