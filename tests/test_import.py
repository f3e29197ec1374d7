"""What `import trackbook` costs and offers."""

import inspect
import json

import pytest

import trackbook as tb

HEAVY = ["pandas", "numpy", "scipy", "sklearn", "pyarrow", "altair", "sqlite3", "sqlite_utils", "IPython", "nbformat"]
LOADED = "import json, sys; print(json.dumps([name for name in {heavy} if name in sys.modules]))"


def test_the_import_loads_no_heavy_library(python):
    code = f"import trackbook; {LOADED.format(heavy=[*HEAVY, 'msgspec', 'asyncio'])}"
    assert json.loads(python(code).stdout) == []


def test_a_run_is_tracked_without_loading_a_data_library_or_sqlite(python, tmp_path):
    code = f"""
import os, trackbook as tb
with tb.start_run("light") as run:
    run.log_params({{"depth": 3}})
    run.log_metric("loss", 0.5)
{LOADED.format(heavy=HEAVY)}
"""
    assert json.loads(python(code, TRACKBOOK_DIR=str(tmp_path / "store")).stdout) == []


@pytest.mark.parametrize("name", tb.__all__)
def test_every_public_name_is_a_documented_and_annotated_function(name):
    function = getattr(tb, name)
    assert inspect.getdoc(function)
    assert all(
        parameter.annotation is not inspect.Parameter.empty
        for parameter in inspect.signature(function).parameters.values()
    )
    assert name in dir(tb)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'log_metrik'"):
        _ = tb.log_metrik


def test_a_star_import_brings_exactly_the_public_names(python):
    code = "from trackbook import *; print(sorted(name for name in dir() if not name.startswith('__')))"
    assert eval(python(code).stdout) == sorted(tb.__all__)
