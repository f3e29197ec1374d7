"""Why a repeat came out differently: from the program's text, the environments and the inputs."""

import pytest

from trackbook.tracking.reproduction.causes import (
    chances,
    changed_environment,
    clock_names,
    likely_causes,
    possible_causes,
)
from trackbook.tracking.reproduction.inputs import Inputs
from trackbook.tracking.values import Execution, Run, RunSummary


def execution(number, source, count=None):
    return Execution("s", number, source, 0, 0.1, "ok", execution_count=count)


def program(*sources):
    return tuple(execution(number, source, number + 1) for number, source in enumerate(sources))


def run(*sources, environment=None, facts=None):
    summary = RunSummary("0" * 32, "e", "n", "FINISHED", 0, 1, {}, {}, {}, "cell")
    return Run(
        summary, "u", None, None, None, None, None, None, None, environment, None, (), (), (),
        program=program(*sources), facts=facts or {},
    )  # fmt: skip


def environment(python="3.12.1", **distributions):
    return {
        "python": python, "implementation": "CPython", "platform": "Linux", "machine": "x",
        "distributions": distributions,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["import time\nt0 = time.time()\nx = 1\ntook = time.time() - t0"], {"t0", "took"}),
        (
            ["import time", "start = time.perf_counter()", "seconds = round(time.perf_counter() - start, 2)"],
            {"start", "seconds"},
        ),
        (["import time\nt = time.time()\ntb.log_metric('speed', time.time() - t)"], {"t", "speed"}),
        (["import time\nt = time.time()\nrate = rows / (time.time() - t)"], {"t"}),
        (["import time\nx = model(time.time())\ny = x + 1"], set()),
        (["from datetime import datetime\nnow = datetime.now()\nday = now.isoformat()"], {"now", "day"}),
        (["%%track x\nimport time\nt = time.time()\ny = 1"], {"t"}),
        (["x = (", "%%bash\ntime=1"], set()),
    ],
)
def test_names_of_times_are_those_that_hold_nothing_else(sources, names):
    assert clock_names(program(*sources)) == names


def test_a_seed_reaches_the_cells_after_it():
    assert not list(chances(program("import numpy as np", "np.random.seed(0)", "x = np.random.rand()")))
    ((found, what),) = chances(program("import numpy as np", "x = np.random.rand()", "np.random.seed(0)"))
    assert (found.execution_count, what.line, what.name) == (2, 1, "numpy.random.rand")


def test_a_cell_that_is_no_python_does_not_hide_the_others():
    ((found, what),) = chances(program("x = (", "%%bash\nls", "import random\n%cd .\n\nrandom.random()"))
    assert (found.number, what.line) == (2, 4)


def test_unseeded_randomness_is_named_with_cell_and_line():
    (cause,) = likely_causes(run("import numpy as np", "\nrng = np.random.default_rng()"), Inputs(), None)
    assert cause == "the program makes a random generator without a seed (cell [2], line 2: numpy.random.default_rng)"


def test_what_was_drawn_by_code_that_the_program_calls_is_named():
    facts = {"random": {"consumed": ["state:numpy.random"], "seed": None}}
    (cause,) = likely_causes(run("import mine\nmine.sample()", facts=facts), Inputs(), None)
    assert cause == "code that the program calls drew from the global generator of numpy.random, without a seed"
    assert not likely_causes(run("import mine", facts={"random": {"consumed": ["x"], "seed": 3}}), Inputs(), None)


def test_libraries_that_the_program_imports_come_first():
    old, new = environment(pandas="2.2.3", zlib_like="1"), environment("3.12.4", pandas="3.0.0", zlib_like="2", new="1")
    found = list(changed_environment(run("import pandas as pd", environment=old), new))
    assert found == [
        "another version of pandas (2.2.3 → 3.0.0), which the program imports",
        "another python (3.12.1 → 3.12.4)",
        "other versions of libraries that the program does not import itself: zlib_like (1 → 2)",
    ]
    assert not list(changed_environment(run("import pandas", environment=old), old))
    assert not list(changed_environment(run("import pandas"), new))


def test_the_best_evidence_comes_first():
    sources = ["import random, requests\nkey = '[redacted]'\nx = random.random()"]
    old, new = environment(requests="1"), environment(requests="2")
    causes = likely_causes(run(*sources, environment=old), Inputs(changed=("/a.csv",)), new)
    assert [cause.split()[0] for cause in causes] == ["/a.csv", "another", "the", "cell"]
    assert "the old content was not kept" in causes[0]
    assert "held a secret" in causes[-1]


def test_clocks_and_the_network_are_only_possible():
    found = run("import time, requests\nt = time.time()")
    assert likely_causes(found, Inputs(), None) == ()
    assert possible_causes(found) == (
        "the program reads the clock (cell [1], line 2: time.time)",
        "the program can reach the network (it imports requests)",
    )


def test_the_seed_of_a_first_line_counts():
    assert not list(chances(program("%%track a --seed 3\nimport random\nrandom.random()", "random.random()")))
    assert list(chances(program("%%track a --name seed\nimport random\nrandom.random()")))
