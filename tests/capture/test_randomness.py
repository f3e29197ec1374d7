"""The states of global generators, and what of code is left to chance."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.capture.randomness import (
    consumed,
    generator_states,
    random_state,
    restore_random_state,
    seed_everything,
    seeded,
    unseeded,
)
from trackbook.errors import UsageError


@pytest.fixture(autouse=True)
def generators_are_put_back():
    state = random_state()
    yield
    restore_random_state(state)


def test_the_generators_that_were_drawn_from_are_named():
    before = generator_states()
    assert consumed(before, generator_states()) == frozenset()
    random.random()
    assert consumed(before, generator_states()) == {"state:random"}
    np.random.rand()
    assert consumed(before, generator_states()) == {"state:random", "state:numpy.random"}
    np.random.default_rng(1).random()
    random.Random(1).random()
    assert consumed(generator_states(), generator_states()) == frozenset()


@given(st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_states(seed):
    seed_everything(seed)
    states = generator_states()
    random.gauss(0, 1), np.random.normal()
    assert consumed(states, generator_states()) == states.keys()
    seed_everything(seed)
    assert generator_states() == states


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_cannot_take_is_refused(seed):
    with pytest.raises(UsageError, match="from 0 to"):
        seed_everything(seed)


def test_a_state_is_put_back():
    state = random_state()
    first = random.random(), np.random.rand()
    restore_random_state(state)
    assert (random.random(), np.random.rand()) == first


def test_a_draw_in_the_cell_that_imports_numpy_is_seen_and_nothing_is_imported_for_it():
    code = (
        "import sys\n"
        "from trackbook.capture.randomness import generator_states, consumed\n"
        "before = generator_states()\n"
        "assert 'numpy' not in sys.modules, 'imported'\n"
        "import numpy\n"
        "assert consumed(before, generator_states()) == set()\n"
        "numpy.random.rand()\n"
        "assert consumed(before, generator_states()) == {'state:numpy.random'}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr


def kinds(source):
    return [(found.line, found.name, found.kind) for found in unseeded(source)]


@pytest.mark.parametrize(
    ("line", "name", "kind"),
    [
        ("np.random.default_rng()", "numpy.random.default_rng", "generator"),
        ("np.random.default_rng(None)", "numpy.random.default_rng", "generator"),
        ("np.random.RandomState()", "numpy.random.RandomState", "generator"),
        ("np.random.Generator(np.random.PCG64())", "numpy.random.PCG64", "generator"),
        ("random.Random()", "random.Random", "generator"),
        ("random.SystemRandom()", "random.SystemRandom", "system"),
        ("random.seed()", "random.seed", "system"),
        ("os.urandom(4)", "os.urandom", "system"),
        ("np.random.rand(3)", "numpy.random.rand", "global"),
        ("random.choice(x)", "random.choice", "global"),
        ("df.sample(frac=0.5)", "df.sample", "global"),
        ("pd.read_csv('x').sample(3)", "read_csv.sample", "global"),
        ("train_test_split(X, y)", "train_test_split", "global"),
        ("RandomForestClassifier(random_state=None)", "RandomForestClassifier", "global"),
        ("KFold(5, shuffle=True)", "KFold", "global"),
        ("LogisticRegression(solver='saga')", "LogisticRegression", "global"),
        ("torch.randn(3)", "torch.randn", "global"),
    ],
)
def test_what_is_left_to_chance_is_named(line, name, kind):
    source = f"import os, random, torch\nx = {line}\n"
    if name == "read_csv.sample":
        assert [(found.line, found.kind) for found in unseeded(source)] == [(2, "global")]
    else:
        assert kinds(source) == [(2, name, kind)]


@pytest.mark.parametrize(
    "line",
    [
        "np.random.default_rng(0)",
        "np.random.Generator(np.random.PCG64(5))",
        "random.Random(3)",
        "df.sample(3, random_state=1)",
        "train_test_split(X, y, shuffle=False)",
        "train_test_split(X, random_state=SEED)",
        "KFold(5)",
        "LogisticRegression()",
        "LinearRegression()",
        "rng.normal(size=3)",
        "torch.randn(3, generator=g)",
        "random.sample",
        "text.format(3)",
    ],
)
def test_what_has_a_seed_or_no_chance_is_not_named(line):
    assert kinds(f"import random, torch\nx = {line}\n") == []


def test_a_global_seed_covers_the_draws_after_it_and_of_its_own_library_only():
    source = "import numpy as np, random\na = np.random.rand()\nnp.random.seed(1)\nb = np.random.rand()\nrandom.random()\nKMeans(3)\n"
    assert kinds(source) == [(2, "numpy.random.rand", "global"), (5, "random.random", "global")]


def test_names_are_followed_through_imports():
    source = "from numpy.random import default_rng as make\nfrom uuid import uuid4\nfrom time import time as now\nimport datetime as dt\nimport secrets\nmake()\nuuid4()\nnow()\ndt.datetime.now()\nsecrets.token_hex()\n"
    assert kinds(source) == [
        (6, "numpy.random.default_rng", "generator"),
        (7, "uuid.uuid4", "system"),
        (8, "time.time", "clock"),
        (9, "datetime.datetime.now", "clock"),
        (10, "secrets.token_hex", "system"),
    ]


def test_lines_are_those_of_the_cell_with_its_magics():
    source = "%%time\n%matplotlib inline\nx = np.random.rand()\n!ls\ny = np.random.default_rng(3)\n"
    assert kinds(source) == [(3, "numpy.random.rand", "global")]
    assert [seed.line for seed in seeded(source)] == [5]


def test_seeds_are_found():
    source = "np.random.seed(7)\nrandom.seed(s)\ntorch.manual_seed(1 + 1)\nm = SVC(random_state=3)\nr = np.random.default_rng([1, 2])\nd.sample(random_state=None)\n"
    found = [(seed.line, seed.name, seed.value) for seed in seeded("import random, torch\n" + source)]
    assert found == [
        (2, "numpy.random.seed", "7"),
        (3, "random.seed", "s"),
        (4, "torch.manual_seed", "1 + 1"),
        (5, "SVC.random_state", "3"),
        (6, "numpy.random.default_rng", "[1, 2]"),
    ]


@pytest.mark.parametrize("source", ["", "def (", "\0", "%%bash\nls", "%time x = np.random.rand()", "(" * 500, "\ud800"])
def test_odd_text_is_no_trouble(source):
    assert seeded(source) == ()
    assert len(unseeded(source)) <= 1
