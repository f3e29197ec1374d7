"""What a result depends on: the parts of a cache key, each with a digest, so that a change can be named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from blake3 import blake3

from trackbook.capture.environment import Environment
from trackbook.pipeline.plan import StepPlan

FORMAT = "5"
"""Part of every key: another number makes all that was kept unknown."""

CODE, ENVIRONMENT, FOLDER, STATE, SHAPE = "code", "environment", "folder", "state", "shape"
_PLACE = re.compile(r"getcwd|\bcwd\b|abspath|absolute|resolve|realpath|__file__")
"""Code in which one of these stands may tell in which folder it runs; for all other code that does not matter."""

DEFINITION, ARGUMENT, MODULE, VARIABLE = "definition:", "argument:", "module:", "variable:"


@dataclass(frozen=True)
class Call:
    """One call of a step and all that its result may depend on.

    `arguments` are what it is handed, in order: the name that `main` has for it, and its signature; `environment` is
    that of `environment_part`, `modules` those of the project's files that its code imports, by their paths from
    the project's folder on, which is `cwd`, and `state` stands for what earlier steps did to the process.
    """

    step: StepPlan
    arguments: tuple[tuple[str, str], ...]
    environment: str
    cwd: str
    modules: Mapping[str, str]
    state: str

    def parts(self) -> dict[str, str]:
        """Return a short digest for each thing that the result depends on."""
        code = self.step.code
        keywords = [argument.keyword or "" for argument in self.step.arguments]
        pairs = zip(self.arguments, keywords, strict=True)
        return {
            CODE: short(code.source),
            SHAPE: short(f"{len(self.step.outputs)} {self.step.unpacked}"),
            ENVIRONMENT: short(self.environment),
            FOLDER: short(_place(self)),
            STATE: short(self.state),
            **{f"{DEFINITION}{names}#{place}": short(text) for place, (names, text) in enumerate(code.reached)},
            **{f"{ARGUMENT}{name}": short(f"{keyword}={given}") for (name, given), keyword in pairs},
            **{f"{MODULE}{path}": short(digest) for path, digest in self.modules.items()},
            **{f"{VARIABLE}{name}": short(value) for name, value in variables_of(self.step).items()},
        }


def step_key(call: Call) -> str:
    """Return the key of one call: 64 hexadecimal characters."""
    code = call.step.code
    keywords = [argument.keyword for argument in call.step.arguments]
    parts = [
        FORMAT,
        code.source,
        [list(pair) for pair in code.reached],
        [[keyword, given] for keyword, (_, given) in zip(keywords, call.arguments, strict=True)],
        [len(call.step.outputs), call.step.unpacked],
        [call.environment, _place(call), sorted(call.modules.items()), call.state, variables_of(call.step)],
    ]
    return blake3(msgspec.json.encode(parts)).hexdigest()


def environment_part(environment: Environment) -> str:
    """Return what stands for an environment: all of it but the kernel and the number of CPUs.

    Machines of one image differ in these, and are to take each other's results.
    """
    system = environment.platform.partition("-")[0]
    return msgspec.structs.replace(environment, platform=system, cpus=None).digest


def short(text: str) -> str:
    """Return 16 hexadecimal characters that stand for a text."""
    return blake3(text.encode()).hexdigest(8)


def chain(*parts: str) -> str:
    """Return a digest that stands for `parts` in their order."""
    return blake3("\n".join(parts).encode()).hexdigest()


def _place(call: Call) -> str:
    """Return the folder where the code may tell it, else nothing: the project may lie elsewhere."""
    code = call.step.code
    return call.cwd if any(_PLACE.search(text) for text in (code.source, *(text for _, text in code.reached))) else ""


def variables_of(step: StepPlan) -> dict[str, str]:
    """Return the environment variables that the code may read: those it names, if it reads any."""
    sources = [step.code.source, *(source for _, source in step.code.reached)]
    if not any("environ" in source or "getenv" in source for source in sources):
        return {}
    return {name: os.environ[name] for name in step.code.strings if name in os.environ}
