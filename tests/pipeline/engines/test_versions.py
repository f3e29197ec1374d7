"""A difference between this process and a worker is refused with its name and both versions."""

import sys

import pytest

from trackbook.errors import PipelineError
from trackbook.pipeline.engines.versions import Installed, check, check_python, installed, needed_by

HERE = Installed("3.11", {"numpy": "2.1.0", "pandas": "3.0.0"})


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (Installed("3.12", HERE.distributions), "Python is 3.11 here and 3.12 on the worker tcp://w:1"),
        (Installed("3.11", {"numpy": "2.2.0", "pandas": "3.0.0"}), "numpy is 2.1.0 here and 2.2.0 on the worker"),
        (Installed("3.11", {"numpy": "2.1.0"}), "pandas is 3.0.0 here and not installed on the worker"),
    ],
)
def test_the_first_difference_is_named(there: Installed, said: str) -> None:
    """Also where only one of several workers differs."""
    with pytest.raises(PipelineError, match=said):
        check(HERE, {"tcp://w:0": HERE, "tcp://w:1": there})
    check(HERE, {"tcp://w:0": HERE})


def test_python_is_compared_before_anything_of_ours_runs_there() -> None:
    """Code of one Python cannot be read by another."""
    with pytest.raises(PipelineError, match=r"Python is 3\.11 here and 3\.10 on"):
        check_python("3.11", {"tcp://w:0": "3.11", "tcp://w:1": "3.10"})


def test_what_steps_import_counts_with_what_that_needs() -> None:
    """The standard library and modules of the project do not; we and Dask always do."""
    names = needed_by(["sklearn.linear_model", "json", "own_module_of_the_project"])
    assert {"scikit-learn", "numpy", "scipy", "joblib", "trackbook", "distributed"} <= set(names)
    assert not {"jupyterlab", "json", "pytest"} & set(names)
    assert installed(["numpy", "no-such"]).distributions["no-such"] is None
    assert installed(names).python == f"{sys.version_info.major}.{sys.version_info.minor}"
