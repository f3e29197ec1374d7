"""`trackbook.toml`: typed, frozen, and strict about what it does not know."""

import textwrap
from typing import get_args

import pytest

from trackbook.errors import SettingsError
from trackbook.settings import DriftSettings, GateSettings, MetricGate, ModelSettings, Settings, load_settings
from trackbook.settings.gates import TYPES


def load(tmp_path, text):
    (tmp_path / "trackbook.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(tmp_path)


def test_without_a_file_the_defaults_hold(tmp_path):
    assert load_settings(tmp_path) == Settings()


def test_an_empty_file_means_the_defaults(tmp_path):
    assert load(tmp_path, "") == Settings()


def test_everything_in_the_file_arrives(tmp_path):
    text = """
    experiment = "churn"
    user = "ada"
    [[gates]]
    metric = "r2"
    min = 0.3
    [[gates]]
    metric = "mae"
    stage = "staging"
    model = "risk*"
    max = 60
    [models]
    trusted = ["mylib.Thing"]
    [drift]
    alpha = 0.01
    """
    assert load(tmp_path, text) == Settings(
        experiment="churn",
        user="ada",
        gates=(MetricGate(metric="r2", min=0.3), MetricGate(metric="mae", stage="staging", model="risk*", max=60)),
        models=ModelSettings(("mylib.Thing",)),
        drift=DriftSettings(alpha=0.01),
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("experimnt = 'x'", "experimnt"),
        ("experiment = 5", r"\$\.experiment"),
        ("[[gates]]\nmetric = 'r2'", "r2"),
        ("[[gates]]\nmin = 0.3", "metric"),
        ("[[gates]]\nmetric = 'r2'\nmin = nan", "finite"),
        ("[[gates]]\nmetric = 'r2'\nmin = inf", "finite"),
        ("[[gates]]\nmetric = 'r2'\nmin = 1\nstage = 'prodution'", "prodution"),
        ("[[gates]]\ntype = 'champio'", "no gate of the type 'champio'; did you mean 'champion'"),
        ("[[gates]]\ntype = 3", "type"),
        ("[[gates]]\ntype = 'champion'\ntarget = 'y'\ndata = 'data:/x'", "does not pin"),
        ("[[gates]]\ntype = 'champion'\ntarget = 'y'\ndata = 'data:/x@latest'", "does not pin"),
        ("[[gates]]\ntype = 'champion'\ndata = 'data:/x@1'", "target"),
        ("[[gates]]\ntype = 'champion'\ntarget = 'y'\ndata = 'data:/x@1'\nmargn = 1", "margn"),
        ("[[gates]]\ntype = 'champion'\ntarget = 'y'\ndata = 'data:/x@1'\nconfidence = 95", "confidence"),
        ("[[gates]]\ntype = 'slices'\ntarget = 'y'\ndata = 'data:/x@1'\nby = []", "by"),
        (
            "[[gates]]\ntype = 'fairness'\ntarget = 'y'\ndata = 'data:/x@1'\nby = 'g'\nmax = 0.1\nmeasure = 'parity'",
            "no measure of fairness 'parity'",
        ),
        ("[[gates]]\ntype = 'size'", "max_mb"),
        ("[[gates]]\ntype = 'latency'\ndata = 'data:/x@1'\nmax_ms = -1", "max_ms"),
        ("[drift]\nalpha = 1.5", "alpha"),
        ("[drift]\nalpah = 0.5", "alpah"),
        ("[models]\ntrusted = 'mylib'", "trusted"),
        ("experiment = \nuser = 1", "line 1"),
        (b"experiment = '\xff\xfe'", "utf-8"),
        ("a = 1\na = 2", "trackbook.toml"),
        ("experiment = ''", "experiment"),
        ('experiment = "a\\u0000b"', "printable"),
    ],
)
def test_what_is_wrong_is_an_error_that_names_the_file_and_the_key(tmp_path, text, names):
    with pytest.raises(SettingsError, match=names) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "trackbook.toml") in str(caught.value)


def test_each_type_of_gate_has_the_example_of_its_docstring(tmp_path):
    """The TOML that the documentation of a gate shows is one that Trackbook reads."""
    for kind in get_args(GateSettings):
        example = textwrap.dedent(kind.__doc__.split("```toml")[1].split("```")[0])
        (gate,) = load(tmp_path, example).gates
        assert type(gate) is kind
        assert gate.title
        assert gate.type in TYPES


def test_a_folder_of_that_name_is_an_error_that_names_it(tmp_path):
    (tmp_path / "trackbook.toml").mkdir()
    with pytest.raises(SettingsError, match=r"trackbook\.toml cannot be read"):
        load_settings(tmp_path)


def test_the_remote_has_a_url_and_options(tmp_path):
    text = '[remote]\nurl = "s3://team/trackbook"\noptions = { endpoint_url = "https://s3.example.org" }\n'
    remote = load(tmp_path, text).remote
    assert (remote.url, remote.options) == ("s3://team/trackbook", {"endpoint_url": "https://s3.example.org"})


@pytest.mark.parametrize(
    "options", ['{ key = "x" }', '{ client_kwargs = { aws_secret_access_key = "x" } }', '{ Account_Key = "x" }']
)
def test_credentials_have_no_place_in_the_settings(tmp_path, options):
    with pytest.raises(SettingsError, match=r"does not belong in `\[remote\]`.*environment"):
        load(tmp_path, f'[remote]\nurl = "s3://team"\noptions = {options}\n')
