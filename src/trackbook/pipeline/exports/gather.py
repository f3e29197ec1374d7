"""From a script and a project to an `Export`: everything that is looked up, is looked up here."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

from trackbook.errors import PipelineError, UsageError
from trackbook.pipeline.cache.modules import ProjectModules
from trackbook.pipeline.exports import files, locking
from trackbook.pipeline.exports.names import identifier
from trackbook.pipeline.exports.targets import Target, target_named
from trackbook.pipeline.exports.tasks import params_of, tasks_of
from trackbook.pipeline.exports.text import MADE
from trackbook.pipeline.exports.values import Export, Lock, Task
from trackbook.pipeline.plan import Plan, read_plan
from trackbook.pipeline.running.groups import groups_of
from trackbook.pipeline.running.kept import KeptResults, KeptStep
from trackbook.settings import load_settings
from trackbook.store import Store

_REQUIREMENTS = ("requirements.lock", "requirements.txt")


@dataclass(frozen=True)
class Options:
    """What a person asked for besides script and target; empty where nothing was said."""

    output: str = ""
    image: str = ""
    storage: str = ""
    model: str = ""
    resolve: bool = False
    force: bool = False


def export(root: Path, store: Store, script: Path, to: str, options: Options) -> list[Path]:
    """Write the files of a target and return their paths.

    Raises UsageError for a target that is not known or lacks something, a script that is none or lies elsewhere, and
    files that would be lost; PipelineError for a script of another form.
    """
    target = target_named(to)
    _check(root, script, target, options)
    base = _repository(root) if target.at_repository else root
    found = _gather(root, base, script, target, options, store)
    made = {name: files.sealed(text) if text.startswith(MADE) else text for name, text in target.files(found).items()}
    return files.write(base, made, force=options.force)


def gathered(root: Path, script: Path, to: str) -> tuple[Path, Export]:
    """Return the folder that the files of a target count from, and what they are made from."""
    target = target_named(to)
    _check(root, script, target, Options())
    base = _repository(root) if target.at_repository else root
    return base, _gather(root, base, script, target, Options())


def _lock(store: Store, plan: Plan, own: str, options: Options) -> Lock:
    from trackbook.tracking.environments import Environments

    names = [own.partition("==")[0], *_imported(plan)]
    return locking.lock_of(Environments(store), names, platform.python_version(), resolve=options.resolve)


def _check(root: Path, script: Path, target: Target, options: Options) -> None:
    if script.suffix == ".ipynb":
        made = script.with_name(f"{script.stem}_pipeline.py")
        first = f"`trackbook convert {shlex.quote(str(script))} -o {shlex.quote(str(made))}`, then "
        raise UsageError(
            f"{script} is a notebook, and what is exported calls a script, which can be reviewed and compared: "
            f"{'' if made.exists() else first}`trackbook pipeline export {shlex.quote(str(made))} --to {target.name}`"
        )
    if not script.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{script} lies outside the project {root}; put it there, or export it in its own project")
    if target.needs_image and not options.image:
        raise UsageError(
            f"{target.says} needs --image, the container image that holds the project and its environment: "
            "`trackbook pipeline export SCRIPT --to docker` writes the Dockerfile of one"
        )
    if target.needs_storage and not (options.storage or load_settings(root).pipeline.storage):
        raise UsageError(
            f"{target.says} runs each step on a machine of its own: name the place that they exchange results "
            "through with --storage URL (s3://…, gs://…, az://…, or a folder that all of them mount), or as `storage` "
            "under [pipeline] in trackbook.toml"
        )


def _gather(
    root: Path, base: Path, script: Path, target: Target, options: Options, store: Store | None = None
) -> Export:
    plan = read_plan(script)
    if not plan.steps:
        raise UsageError(f"main() of {script} calls no step; convert the notebook again")
    settings = load_settings(root)
    below = script.resolve().relative_to(root.resolve()).as_posix()
    clean = identifier(script.stem, "pipeline")
    output = _inside(base, options.output or target.output.format(name=clean))
    tasks: Iterable[Task] = tasks_of(plan, groups_of(plan), reserved=target.reserved)
    if store is not None and target.needs_reads:
        tasks = _with_reads(root, store, plan, tasks)
    beside = [
        name[2:] if name.startswith("./") else str(PurePosixPath(output).with_name(name))
        for name in (name.format(name=clean) for name in target.beside)
    ]
    requirements = tuple(_requirements(root, plan, options))
    return Export(
        script=below,
        clean=clean,
        command=_command(below, target, options),
        tasks=tuple(tasks),
        params=params_of(plan, reserved=target.reserved),
        python=".".join(map(str, sys.version_info[:2])),
        requirements=requirements,
        sources=tuple(_sources(root, plan)),
        output=output,
        image=options.image,
        storage=options.storage or (settings.pipeline.storage or "" if target.needs_storage else ""),
        model=options.model or clean,
        has_remote=settings.remote.url is not None,
        subfolder=_subfolder(root, base),
        present=dict(files.present(base, beside)),
        lock=_lock(store, plan, requirements[0], options) if store is not None and target.needs_lock else None,
    )


def _inside(base: Path, output: str) -> str:
    """Return where the main file goes, from the folder `base` on; raises UsageError for a place outside of it."""
    path = Path(os.path.normpath(base.resolve() / output))
    if not path.is_relative_to(base.resolve()) or path == base.resolve():
        raise UsageError(f"-o {output} is no file below {base}: generated files name the script from there on")
    return path.relative_to(base.resolve()).as_posix()


def _command(script: str, target: Target, options: Options) -> str:
    words = ["trackbook", "pipeline", "export", script, "--to", target.name]
    for name in ("output", "image", "storage", "model"):
        if value := getattr(options, name):
            words += [f"--{name}", value]
    return shlex.join([*words, "--resolve"] if options.resolve else words)


def _repository(root: Path) -> Path:
    """Return the folder of the git repository that holds the project, or the project's."""
    resolved = root.resolve()
    return next((folder for folder in (resolved, *resolved.parents) if (folder / ".git").exists()), resolved)


def _subfolder(root: Path, base: Path) -> str:
    below = root.resolve().relative_to(base.resolve()).as_posix()
    return "" if below == "." else below


def _sources(root: Path, plan: Plan) -> Iterable[str]:
    """Yield the script and the project's modules that its steps reach, as paths below the project's root."""
    folder = plan.path.resolve().parent
    found = {str(plan.path.resolve())}
    modules = ProjectModules(folder)
    for step in plan.steps:
        found |= modules.reached(step.code.modules).keys()
    paths = [Path(name).resolve() for name in sorted(found)]
    return [path.relative_to(root.resolve()).as_posix() for path in paths if path.is_relative_to(root.resolve())]


def _with_reads(root: Path, store: Store, plan: Plan, tasks: Iterable[Task]) -> Iterator[Task]:
    """Add the files that steps were seen to read, else those that their code names."""
    folder = plan.path.resolve().parent
    known: dict[str, KeptStep] = {}
    with suppress(PipelineError):  # a parameter without a default
        known = {step.name: step for step in KeptResults(store, plan, {}, folder).steps if not step.why}
    written = {name for step in known.values() for name in step.files}
    named = {step.name: step.code.strings for step in plan.steps}
    for task in tasks:
        names = {name for step in task.steps for name in (known[step].reads if step in known else named[step])}
        paths = [folder / name for name in sorted(names - written) if not name.endswith(".py")]
        found = [path.resolve() for path in paths if os.path.isfile(path)]  # noqa: PTH113 - for any text
        inside = [path.relative_to(root.resolve()) for path in found if path.is_relative_to(root.resolve())]
        yield replace(task, reads=tuple(path.as_posix() for path in inside))


def _requirements(root: Path, plan: Plan, options: Options) -> Iterable[str]:
    """Yield what `pip install` is told: the project's own file, else what the script imports in the versions here."""
    own = _pinned("trackbook")
    extra = f"[{kind}]" if (kind := _kind(options.storage)) else ""
    yield own.replace("trackbook", f"trackbook{extra}", 1)
    for name in _REQUIREMENTS:
        if (root / name).is_file():
            yield from ("-r", name)
            return
    yield from sorted({_pinned(name) for name in _imported(plan)} - {own})


def _imported(plan: Plan) -> set[str]:
    """Return the distributions that the script imports from."""
    folder = plan.path.resolve().parent
    tops = {module.partition(".")[0] for step in plan.steps for module in step.code.modules} - {""}
    return set(locking.installed_with(top for top in tops if not _is_own(folder, top)))


def _is_own(folder: Path, module: str) -> bool:
    return (folder / f"{module}.py").exists() or (folder / module).is_dir()


def _pinned(name: str) -> str:
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return name


def _kind(storage: str) -> str:
    """Return Trackbook's extra for the protocol of a URL."""
    protocols = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure"}
    return protocols.get(storage.partition("://")[0], "") if "://" in storage else ""
