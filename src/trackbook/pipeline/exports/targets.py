"""The table of targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from trackbook.errors import UsageError, nearest
from trackbook.pipeline.exports.values import Export, Files


@dataclass(frozen=True)
class Target:
    """Where pipelines can go: `output` is where the main file goes by default, with `{name}` for the pipeline's.

    `beside` are files that may be there already, beside the main file or with `./` in the root.
    `at_repository` is true where paths count from the repository's root and not from the project's.  `needs_image` and
    `needs_storage` say what must be given, `reserved` are names that the orchestrator has taken.  `needs_lock` and
    `needs_reads` ask for the locked environment, and for the files that steps read.
    """

    name: str
    output: str
    says: str
    beside: tuple[str, ...] = ()
    at_repository: bool = False
    needs_image: bool = False
    needs_storage: bool = False
    needs_lock: bool = False
    needs_reads: bool = False
    reserved: frozenset[str] = frozenset()

    @property
    def files(self) -> Callable[[Export], Files]:
        """The function that makes the files."""
        found: Callable[[Export], Files] = import_module(f"trackbook.pipeline.exports.{self.name}").files
        return found


_AIRFLOW = frozenset(
    {"os", "subprocess", "path", "pendulum", "param", "dag", "task", "get_current_context", "run", "pipeline"}
)
_KUBEFLOW = frozenset({"dsl", "compiler", "optional", "pipeline", "image", "storage", "str", "int", "float", "bool"})
_METAFLOW = frozenset(
    {
        *("start", "end", "run", "next", "input", "inputs", "index", "name", "foreach_stack", "merge_artifacts", "cmd"),
        *("script_name", "init", "resume", "step", "show", "check", "dump", "logs", "tag", "tags", "with", "namespace"),
        *("max_workers", "max_num_splits", "max_log_size", "run_id_file", "clone_only", "package", "card", "batch"),
        *("argo_workflows", "step_functions", "airflow", "kubernetes", "environment", "metadata", "datastore"),
        *("event_logger", "monitor", "decospecs", "params", "current", "project", "trackbook", "parallel", "help"),
        *(
            "version",
            "quiet",
            "config",
            "config_value",
            "os",
            "subprocess",
            "path",
            "self",
            "run_param",
            "obj",
            "origin",
        ),
        *(f"join_{number}" for number in range(1000)),
    }
)

TARGETS = {
    target.name: target
    for target in (
        Target("github", ".github/workflows/{name}.yml", "a workflow of GitHub Actions", at_repository=True),
        Target("gitlab", ".gitlab-ci.yml", "a pipeline of GitLab CI", at_repository=True),
        Target(
            "dvc",
            "dvc.yaml",
            "stages for `dvc repro`, and params.yaml",
            ("./params.yaml", "./{name}_params.yaml"),
            needs_reads=True,
        ),
        Target("airflow", "dags/{name}_dag.py", "a DAG of Airflow", reserved=_AIRFLOW),
        Target(
            "kubeflow",
            "{name}_kubeflow.py",
            "a pipeline of Kubeflow",
            needs_image=True,
            needs_storage=True,
            reserved=_KUBEFLOW,
        ),
        Target("metaflow", "{name}_metaflow.py", "a flow of Metaflow", reserved=_METAFLOW),
        Target("docker", "Dockerfile", "a Dockerfile", ("./.dockerignore",), needs_lock=True),
        Target("argo", "{name}_argo.yaml", "a workflow of Argo", needs_image=True, needs_storage=True),
    )
}


def target_named(name: str) -> Target:
    """Return a target; raises UsageError with the nearest name."""
    if name not in TARGETS:
        raise UsageError(f"there is no target {name!r}{nearest(name, TARGETS)}; there is {', '.join(TARGETS)}")
    return TARGETS[name]
