"""Quick forms of scorers say what the scorers say, on all rows and on any of them."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB

from trackbook.errors import SettingsError
from trackbook.registry.gates.forms import FORMS
from trackbook.registry.gates.measures import Measure
from trackbook.registry.gates.replies import Replies
from trackbook.registry.gates.scorers import resolve
from trackbook.registry.gates.statistics.bootstrap import bootstrap
from trackbook.registry.gates.statistics.measured import Listed

NUMBERS = ("neg_mean_absolute_error", "neg_mean_squared_error", "neg_root_mean_squared_error", "r2")
OF_TWO = ("roc_auc", "average_precision", "neg_brier_score", "f1", "precision", "recall")


@pytest.fixture(scope="module")
def said():
    """Return true values and two models' replies, for numbers and for two and three classes."""
    found = {}
    for classes in (2, 3):
        x, y = make_classification(400, 6, n_informative=4, n_classes=classes, flip_y=0.2, random_state=0)
        models = [LogisticRegression().fit(x[:200], y[:200]), GaussianNB().fit(x[:200], y[:200])]
        found[classes] = y, [Replies(model, x) for model in models]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    y = 1000 + x @ [1, 2, 3] + rng.normal(size=400)
    found[1] = y, [Replies(model.fit(x[:50], y[:50]), x) for model in (LinearRegression(), Ridge(100.0))]
    return found


@pytest.mark.parametrize(
    ("name", "classes"),
    [(name, 1) for name in NUMBERS]
    + [(name, 2) for name in FORMS if name not in NUMBERS]
    + [(name, 3) for name in FORMS if name not in (*NUMBERS, *OF_TWO)],
)
def test_a_quick_form_is_the_scorer(said, name, classes):
    """On all rows, on some, and on rows that are drawn more than once, both say the same of both models."""
    truth, replies = said[classes]
    measure = Measure(resolve(name, None), truth, replies)
    assert measure.is_quick
    rng = np.random.default_rng(1)
    for places in (np.arange(400), rng.permutation(400)[:60], rng.integers(0, 400, 300)):
        expected = [measure.scorer.score(places, truth[places], each) for each in replies]
        assert measure.on(places).whole() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["f1_macro", "matthews_corrcoef", "average_precision", "r2"])
def test_a_quick_form_draws_what_the_scorer_draws(said, name):
    """The limits of a bootstrap by the quick form are those of one that calls the scorer for every draw."""
    truth, replies = said[1 if name == "r2" else 2]
    measure = Measure(resolve(name, None), truth, replies)
    slow = Listed(400, lambda at: np.array([measure.scorer.score(at, truth[at], each) for each in replies]))
    one, other = bootstrap(measure.on(), 1000, 0), bootstrap(slow, 300, 0)
    width = other.limit(0.95) - other.limit(0.05)
    for share in (0.05, 0.95):
        assert one.limit(share) == pytest.approx(other.limit(share), abs=0.2 * width)


def test_a_callable_of_the_project_scores_rows_or_all_of_them(said, tmp_path):
    """One that gives a score a row is drawn quickly; its source and the digest of its module are kept."""
    source = "def each(y, p):\n    return -abs(y - p)\n\n\ndef all_of_them(y, p):\n    return -abs(y - p).mean()\n"
    (tmp_path / "own.py").write_text(source)
    truth, replies = said[1]
    rows, whole = (Measure(resolve(f"own:{name}", tmp_path), truth, replies) for name in ("each", "all_of_them"))
    assert (rows.is_quick, whole.is_quick) == (True, False)
    assert rows.values == pytest.approx(whole.values)
    assert rows.scorer.source is not None
    assert rows.scorer.digest == whole.scorer.digest
    with pytest.raises(SettingsError, match="no function 'eac'; did you mean 'each'"):
        resolve("own:eac", tmp_path)
