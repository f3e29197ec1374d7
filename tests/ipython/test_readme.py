"""What the README shows works as it is written."""

import re
from pathlib import Path

import pytest

from trackbook.ipython.arguments import without_comment

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SETUP = """
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
X, y = load_iris(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
frame, last_month, this_month = X, X[:75], X[75:]
"""


def test_the_first_cells_of_the_readme_work_line_by_line(start_kernel):
    kernel = start_kernel()
    policy, _ = (block for block in re.findall(r"```toml\n(.*?)```", README, re.S) if "[[gates]]" in block)
    (kernel.root / "trackbook.toml").write_text(policy)
    load, tracked, magics, prove, find, _ = re.findall(r"```python\n(.*?)```", README, re.S)
    for cell in (SETUP, load, tracked, *magics.splitlines()):
        outcome = kernel.run(cell)
        assert (outcome.errors, outcome.stderr) == ([], ""), cell
    (version,) = kernel.project().registry.get("churn").versions
    assert (version.stage, version.aliases) == ("production", ("champion",))
    assert version.metrics["accuracy"] > 0.9
    (run,) = kernel.project().runs.search(experiment="churn")
    for cell in (prove, *find.splitlines()):
        outcome = kernel.run(re.sub(r"\b[0-9a-f]{8}\b", run.run_id[:8], cell))
        assert outcome.errors == [], cell
    (verdict,) = kernel.project().runs.get(run.run_id).reproductions
    assert (verdict.verdict, verdict.environment) == ("differs", "current")
    assert "RandomForestClassifier" in " ".join(verdict.causes)  # the forest of the README has no seed


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("on  # from here on", "on"),
        ("# all", ""),
        ("a.csv#1 b#", "a.csv#1 b#"),
        ("params.c = '# 1' # 'x'", "params.c = '# 1'"),
        ('--name "a # b" --seed 3', '--name "a # b" --seed 3'),
        ("", ""),
    ],
)
def test_a_comment_ends_a_magics_line(line, kept):
    assert without_comment(line) == kept
