"""What two runs of a notebook do not agree in is explained by its text."""

import pytest

from trackbook.pipeline.verification.causes import Causes, ProgramCell, Unstable


@pytest.mark.parametrize(
    ("code", "name", "cause", "line"),
    [
        ("import numpy as np\nx = np.random.rand(3)", "x", "randomness without a seed: numpy.random.rand", 2),
        ("import numpy as np\nnp.random.seed(0)\nx = np.random.rand(3)", "x", "", 0),
        ("import time\na = 1\nt = time.time()", "t", "the time: time.time", 3),
        ("import uuid\nt = str(uuid.uuid4())", "t", "chance that no seed reaches: uuid.uuid4", 2),
        (
            "import time, random\na = time.time()\nb = random.random()",
            "b",
            "randomness without a seed: random.random",
            3,
        ),
        ("place = id(place_of)", "place", "the addresses of objects", 1),
        (
            "words = list({'b', 'a'})",
            "words",
            "the order of a set or hash(), since texts hash otherwise in every process",
            1,
        ),
        ("here = os.getcwd()", "here", "the folder, since each run has a copy of its own", 1),
        ("page = get('https://example.org')", "page", "the network", 1),
        ("x = 1 + 1", "x", "", 0),
    ],
)
def test_the_cause_has_its_line(code: str, name: str, cause: str, line: int) -> None:
    found = Causes([ProgramCell(4, code, "a")]).explain(Unstable("value", name, "a"), set())
    assert (found.cause, found.cell, found.line) == (cause, 4 if cause else -1, line)


def test_what_is_made_of_something_unstable_is_unstable_for_that() -> None:
    cells = [ProgramCell(0, "import os\nnoise = os.urandom(4)", "a"), ProgramCell(1, "mean = sum(noise)", "b")]
    found = Causes(cells).explain(Unstable("value", "mean", "b"), {"noise"})
    assert (found.cause, found.cell, found.line) == ("it comes from `noise`, which is unstable", 1, 1)
