"""Kubeflow Pipelines: a module for the `kfp` compiler, with a container component for each task."""

from __future__ import annotations

from trackbook.pipeline.exports.kubernetes import check_braces, plain, words
from trackbook.pipeline.exports.names import dashed
from trackbook.pipeline.exports.python import docstring, literal, module
from trackbook.pipeline.exports.text import used
from trackbook.pipeline.exports.values import Export, Files, Param, Task

_TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str"}

_BODY = """
from typing import Optional

from kfp import compiler, dsl

IMAGE = {image}
STORAGE = {storage}


{components}


@dsl.pipeline(name={name}, description={description})
def pipeline({params}):
{tasks}


if __name__ == "__main__":
    compiler.Compiler().compile(pipeline, __file__.removesuffix(".py") + ".yaml")
"""


def files(export: Export) -> Files:
    """Return the module; raises UsageError for names that Kubeflow would fill in."""
    check_braces(export)
    body = _BODY.format(
        image=literal(export.image),
        storage=literal(export.storage),
        components="\n\n\n".join(_component(export, task) for task in export.tasks),
        name=literal(dashed(export.clean)),
        description=literal(f"The steps of {export.script}"),
        params=", ".join([*map(_argument, _ordered(export.params)), "storage: str = STORAGE"]),
        tasks="\n".join(line for task in export.tasks for line in _call(export, task)),
    )
    remarks = [
        f"`python {export.path.name}` compiles it; upload the YAML, or run it with a `kfp.Client`.",
        "Each step is a container of the image, which holds the project; results go through the storage, for which its",
        "service account must give access. Kubeflow's own cache is off: it does not see the script.",
        "A parameter that is not given has the script's own default.",
    ]
    return {export.output: module(export, f"Kubeflow pipeline of {docstring(export.script)}.", remarks, body)}


def _ordered(params: tuple[Param, ...]) -> list[Param]:
    return sorted(params, key=lambda param: not param.required)


def _type(param: Param) -> str:
    return _TYPES.get(param.kind, "str") if param.known or param.required else "Optional[str]"


def _argument(param: Param) -> str:
    """Return a parameter of the pipeline's function."""
    if param.required:
        return f"{param.clean}: str"
    if param.known and param.kind in _TYPES:
        value = float(param.default) if param.kind == "float" and isinstance(param.default, int) else param.default
        return f"{param.clean}: {_TYPES[param.kind]} = {literal(value)}"
    if param.known:
        return f"{param.clean}: str = {literal(param.text)}"
    return f"{param.clean}: Optional[str] = None"


def _component(export: Export, task: Task) -> str:
    params = used(export, task)
    types = [f"{param.clean}: {_argument(param).split(':', 1)[1].split('=')[0].strip()}" for param in params]
    types = [f"{text} = None" if "Optional" in text else text for text in types]
    types = sorted(["storage: str", *types], key=lambda text: "Optional" in text)
    arguments = [literal(word) for word in words(export, task)[1:]] + ["'--storage'", "storage"]
    arguments += [_given(param) for param in params]
    return (
        f"@dsl.container_component\ndef {task.clean}({', '.join(types)}):\n"
        f'    """{docstring(task.title)}"""\n'
        f"    return dsl.ContainerSpec(image=IMAGE, command=['trackbook'], args=[{', '.join(arguments)}])"
    )


def _given(param: Param) -> str:
    start = literal(f"{plain(param.name)}=")
    option = f"'-p', dsl.ConcatPlaceholder([{start}, {param.clean}])"
    if param.known or param.required:
        return option
    return f"dsl.IfPresentPlaceholder(input_name={param.clean!r}, then=[{option}])"


def _call(export: Export, task: Task) -> list[str]:
    given = ", ".join(["storage=storage", *(f"{param.clean}={param.clean}" for param in used(export, task))])
    lines = [f"    {task.clean}_task = {task.clean}({given})", f"    {task.clean}_task.set_caching_options(False)"]
    if task.after:
        lines.append(f"    {task.clean}_task.after({', '.join(f'{name}_task' for name in task.after)})")
    return lines
