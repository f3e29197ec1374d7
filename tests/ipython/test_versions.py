"""Dataset versions in a real kernel: inputs of tracked cells keep themselves, and versions stand where paths do."""

import re

import pytest


@pytest.fixture
def track(kernel, experiment):
    return lambda body: kernel.run(f"%%track {experiment}\n{body}")


def versions(kernel, variable):
    return kernel.project().data.list(f"notebook.{variable}")


def test_a_frame_that_a_tracked_cell_reads_is_a_version_of_what_it_read(kernel, track):
    kernel.run("import pandas as pd\nread_me = pd.DataFrame({'a': [1, 2], 'b': pd.Categorical(['x', 'y'])})")
    assert versions(kernel, "read_me") == ()
    assert track("read_me['a'] = read_me['a'] * 10\nread_me").stderr == ""
    (version,) = versions(kernel, "read_me")
    assert (version.automatic, version.rows, version.format) == (True, 2, "blocks")
    data = kernel.project().data
    assert data.load(version.uri)["a"].tolist() == [1, 2], "it was kept before the cell changed it"
    track("read_me.sum(numeric_only=True)")
    track("len(read_me)")
    assert [data.load(each.uri)["a"].tolist() for each in versions(kernel, "read_me")] == [[10, 20], [1, 2]]
    lineage = kernel.project().lineage.of_data(version.fingerprint, version.run_id)
    assert version.run_id in {run.run_id for run in lineage.read_by}


def test_what_is_too_large_or_cannot_be_kept_exactly_is_known_by_its_fingerprint(kernel, track):
    kernel.run(
        "import numpy as np\n"
        "large_one = pd.DataFrame({'a': np.zeros(2_000_000)})\n"
        "odd_one = pd.DataFrame({'a': [1, 'x']})\n"
        "class Frame(pd.DataFrame): pass\n"
        "own_one = Frame({'a': [1]})"
    )
    assert track("len(large_one) + len(odd_one) + len(own_one)").stderr == ""
    for name in ("large_one", "odd_one", "own_one"):
        assert versions(kernel, name) == ()
    run = kernel.project().runs.search()[0]
    used = {each.name: each.fingerprint for each in kernel.project().runs.get(run.run_id).data}
    assert used["large_one"] is not None


def test_a_table_that_a_tracked_cell_reads_from_a_file_is_a_version(kernel, track):
    (kernel.root / "orders.csv").write_text("a,b\n1,2\n")
    (kernel.root / "login.csv").write_text("user,password\nann,api_key = 'sk-ant-REDACTED0123456789abcdef'\n")
    track("orders = pd.read_csv('orders.csv')\nlogins = pd.read_csv('login.csv')")
    (version,) = versions(kernel, "orders.csv")
    assert (version.automatic, version.format, version.source) == (True, "file", "orders.csv")
    assert kernel.project().data.load(version.uri) == b"a,b\n1,2\n"
    assert versions(kernel, "login.csv") == (), "what holds a secret is kept only by hand"


def test_a_disk_that_is_full_costs_the_cell_nothing(kernel, track):
    kernel.run(
        "import trackbook.store.durable as durable\n"
        "write_all = durable._write_all\n"
        "def full(fd, content): raise OSError(28, 'No space left on device')\n"
        "durable._write_all = full\n"
        "on_full = pd.DataFrame({'a': range(1000)})"
    )
    outcome = track("print(int(on_full['a'].sum()))")
    kernel.run("durable._write_all = write_all")
    assert outcome.stdout == "499500\n"
    assert outcome.errors == []
    assert re.search("No space left", outcome.stderr)
    assert track("print(1)").stderr == ""


@pytest.mark.parametrize("path", ["data:/shop@1", "data://shop@1", "data:/shop"])
def test_pandas_reads_a_version_where_it_reads_a_path(kernel, path):
    (kernel.root / "shop.csv").write_text("a,b\n1,2\n")
    kernel.run("%snapshot shop shop.csv")
    outcome = kernel.run(f"import pandas\npandas.read_csv({path!r})['b'].tolist(), pd.read_csv({path!r})['a'].tolist()")
    assert outcome.results == ["([2], [1])"], outcome.errors


@pytest.mark.parametrize("code", ["pd.read_csv('data:/bought@1')", "tb.load_data('data:/bought@1')"])
def test_a_version_that_a_cell_loads_is_an_input_of_its_run(kernel, track, code):
    (kernel.root / "bought.csv").write_text("a,b\n5,6\n")
    kernel.run("%snapshot bought bought.csv")
    assert track(f"loaded = {code}").errors == []
    project = kernel.project()
    version = project.data.get("bought")
    (run, *_) = project.lineage.of_data(version.fingerprint).read_by
    (used,) = [each for each in project.runs.get(run.run_id).data if each.kind == "dataset"]
    assert (used.role, used.name, used.fingerprint) == ("read", "data:/bought@1", version.fingerprint)


def test_a_frame_s_version_is_read_as_parquet(kernel):
    outcome = kernel.run(
        "shop_frame = pd.DataFrame({'a': pd.Categorical(['x'])})\n"
        "tb.snapshot(shop_frame, 'shop-frame')\n"
        "pd.read_parquet('data:/shop-frame@1').equals(tb.load_data('data:/shop-frame@1'))"
    )
    assert outcome.results == ["True"], outcome.errors


def test_a_folder_is_snapshotted_by_the_magic(kernel):
    (kernel.root / "pictures").mkdir()
    (kernel.root / "pictures" / "one.png").write_bytes(b"\x89PNG")
    outcome = kernel.run("%snapshot pictures pictures")
    assert outcome.status == "ok"
    assert kernel.project().data.get("pictures").kind == "folder"
