"""The statistics of gates against independent libraries, brute force, and simulation."""

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from trackbook.registry.gates.statistics import delong, mcnemar
from trackbook.registry.gates.statistics.bootstrap import bootstrap, difference
from trackbook.registry.gates.statistics.intervals import holm, rows_to_decide, wilson
from trackbook.registry.gates.statistics.measured import Cells, Listed, Means, Weighted

# -- shares


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_binomial_test_of_the_rows_where_only_one_is_right(more, less):
    expected = scipy.stats.binomtest(more, more + less, alternative="greater").pvalue if more + less else 1.0
    assert mcnemar.exact(more, less) == pytest.approx(expected, abs=1e-12)


def test_mcnemar_agrees_with_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    for more, less in ((12, 3), (5, 5), (30, 18)):
        both = tables.mcnemar([[50, more], [less, 20]], exact=True).pvalue
        assert min(1.0, 2 * min(mcnemar.exact(more, less), mcnemar.exact(less, more))) == pytest.approx(both, abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 60), st.floats(-0.4, 0.4))
def test_tangos_score_is_of_the_likeliest_shares_that_the_difference_allows(more, less, rest, bound):
    """The closed form is the maximum of the likelihood under the difference, found by search."""
    rows = more + less + rest

    def against(share):
        return -(more * np.log(share + bound) + less * np.log(share) + rest * np.log(1 - 2 * share - bound))

    low, high = max(0.0, -bound) + 1e-12, (1 - bound) / 2 - 1e-12
    share = scipy.optimize.minimize_scalar(against, bounds=(low, high), method="bounded", options={"xatol": 1e-11}).x
    expected = (more - less - rows * bound) / math.sqrt(rows * (2 * share + bound * (1 - bound)))
    assert mcnemar.score(more, less, rows, bound) == pytest.approx(expected, abs=1e-4)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 60), st.sampled_from([0.9, 0.95, 0.975]))
def test_tangos_limits_are_where_the_score_is_the_quantile(more, less, rest, confidence):
    """Each limit is the difference that the score test just does not exclude; the estimate lies between them."""
    rows = more + less + rest + 1
    low, high = mcnemar.limits(more, less, rows, confidence)
    z = ndtri(confidence)
    assert -1 <= low <= (more - less) / rows <= high <= 1
    if low > -1 and high < 1:
        assert mcnemar.score(more, less, rows, low) == pytest.approx(z, abs=1e-6)
        assert mcnemar.score(more, less, rows, high) == pytest.approx(-z, abs=1e-6)


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.5, 0.999))
def test_wilsons_interval_is_scipys(hits, rest, confidence):
    if hits + rest:
        found = scipy.stats.binomtest(hits, hits + rest).proportion_ci(confidence, method="wilson")
        assert wilson(hits, hits + rest, confidence) == pytest.approx((found.low, found.high), abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_in_steps(p_values):
    """An adjusted p-value is at or below a level exactly when the step-down procedure rejects at that level."""
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
            if p_values[place] * (len(p_values) - rank) > level:
                break
            rejected.add(place)
        assert {at for at, p in enumerate(holm(p_values)) if p <= level} == rejected


# -- areas


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_delong_by_ranks_is_delong_by_pairs(seed):
    """Areas and covariance by midranks are those of all pairs of a positive and another row, ties counting half."""
    rng = np.random.default_rng(seed)
    positive = np.r_[True, True, False, False, rng.random(20) < 0.4]
    scores = rng.integers(0, 6, (2, len(positive))).astype(float)
    areas, covariance = delong.areas(positive, scores)
    above, below = scores[:, positive], scores[:, ~positive]
    wins = (above[:, :, None] > below[:, None, :]) + 0.5 * (above[:, :, None] == below[:, None, :])
    ones, others = wins.mean(axis=2), wins.mean(axis=1)
    expected = np.cov(ones) / ones.shape[1] + np.cov(others) / others.shape[1]
    assert areas == pytest.approx(wins.mean(axis=(1, 2)))
    assert covariance == pytest.approx(expected)


def test_an_area_of_one_class_cannot_be_compared():
    with pytest.raises(ValueError, match="two of each"):
        delong.areas(np.array([True, True, False]), np.zeros((2, 3)))


# -- bootstrap


@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_the_bootstrap_has_the_limits_of_scipy(method):
    """Of skewed paired differences, both limits of both methods are scipy's, up to the noise of the draws."""
    rng = np.random.default_rng(3)
    one, other = rng.exponential(size=(2, 80)) ** 1.5
    expected = scipy.stats.bootstrap(
        (one, other), lambda a, b, axis=-1: a.mean(axis) - b.mean(axis), paired=True, method=method,
        confidence_level=0.9, n_resamples=9999, rng=np.random.default_rng(0),
    )  # fmt: skip
    found = bootstrap(Means(np.stack([one, other], axis=1), lambda means: means), 9999, 0, bca=method == "BCa")
    low, high = expected.confidence_interval
    assert found.limit(0.05) == pytest.approx(low, abs=0.05 * (high - low))
    assert found.limit(0.95) == pytest.approx(high, abs=0.05 * (high - low))
    assert found.error == pytest.approx(expected.standard_error, rel=0.03)


def test_all_forms_of_a_measure_draw_the_same_distribution():
    """Means, cells, weights and lists of rows are four ways to draw one thing."""
    rng = np.random.default_rng(0)
    right = (rng.random((200, 2)) < (0.8, 0.7)).astype(float)
    cells = np.array([((right == pair).all(axis=1)).sum() for pair in itertools.product((0, 1), repeat=2)])
    shares = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    forms = [
        Means(right, lambda means: means),
        Cells(cells, lambda counts: counts @ shares / counts.sum(axis=-1, keepdims=True)),
        Weighted(200, lambda weights: (weights[:, None] * right).sum(axis=0) / weights.sum()),
        Listed(200, lambda places: right[places].mean(axis=0)),
    ]
    found = [bootstrap(form, 4000, 1) for form in forms]
    width = found[0].limit(0.95) - found[0].limit(0.05)
    for each in found:
        assert each.estimate == pytest.approx(found[0].estimate)
        assert each.acceleration == pytest.approx(found[0].acceleration, abs=1e-3)
        for share in (0.05, 0.5, 0.95):
            assert each.limit(share) == pytest.approx(found[0].limit(share), abs=0.06 * width)


def test_the_same_seed_draws_the_same():
    form = Means(np.random.default_rng(0).normal(size=(50, 2)), lambda means: means)
    one, again, other = (bootstrap(form, 200, seed) for seed in (7, 7, 8))
    assert (one.draws == again.draws).all()
    assert not (one.draws == other.draws).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.booleans())
def test_a_p_value_turns_a_limit_around(seed, bca):
    """A bound is at the lower limit of a level exactly when its p-value is that level."""
    numbers = np.random.default_rng(seed).exponential(size=(60, 2))
    found = bootstrap(Means(numbers, lambda means: means), 500, seed, bca=bca)
    for level in (0.05, 0.2):
        assert found.p_above(found.limit(level)) == pytest.approx(level, abs=0.02)
        assert found.p_below(found.limit(1 - level)) == pytest.approx(level, abs=0.02)


def test_a_measure_without_a_value_on_some_draws_is_an_error():
    with pytest.raises(ValueError, match="no finite value"):
        bootstrap(Listed(5, lambda places: np.array([math.nan if 0 not in places else 1.0, 0.0])), 200, 0)


def test_the_rows_that_would_decide_do():
    """With so many rows the power is the one asked for."""
    rng = np.random.default_rng(0)
    mean, error, rows = 0.1, 1 / math.sqrt(100), 100
    needed = rows_to_decide(rows, mean, error, 0.95)
    found = rng.normal(mean, 1 / math.sqrt(needed), 20_000) > ndtri(0.95) / math.sqrt(needed)
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert rows_to_decide(rows, 0.0, error, 0.95) is None


# -- calibration


def false_promotions(p_value_of, simulations=400):
    rng = np.random.default_rng(11)
    return np.mean([p_value_of(rng) <= 0.05 for _ in range(simulations)])


def test_equal_models_are_promoted_no_more_often_than_the_confidence_allows():
    """Of equally good models McNemar, DeLong and the bootstrap promote at most 5 %, within the noise of 400 trials."""

    def shares(rng):
        right = rng.random((200, 2)) < 0.8
        return mcnemar.p_above(*(int((right[:, at] & ~right[:, 1 - at]).sum()) for at in (0, 1)), 200, 0.0)

    def areas(rng):
        positive = rng.random(200) < 0.4
        found, covariance = delong.areas(positive, positive + rng.normal(size=(2, 200)))
        return delong.p_above(found[0] - found[1], delong.error_of_difference(covariance), 0.0)

    def errors(rng):
        return bootstrap(Means(rng.normal(size=(100, 2)) ** 2, lambda means: -means), 200, 1).p_above(0.0)

    noise = 2.6 * math.sqrt(0.05 * 0.95 / 400)
    for p_value in (shares, areas, errors):
        assert false_promotions(p_value) <= 0.05 + noise


def test_a_model_that_is_worse_by_the_margin_is_not_promoted():
    """At the edge of a margin below 0, Tango's test promotes at most 5 % too."""

    def shares(rng):
        right = rng.random((400, 2)) < (0.8, 0.85)
        return mcnemar.p_above(*(int((right[:, at] & ~right[:, 1 - at]).sum()) for at in (0, 1)), 400, -0.05)

    assert false_promotions(shares) <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 400)


def test_the_difference_of_one_model_is_what_it_has():
    assert difference(np.array([[3.0], [4.0]])).tolist() == [3.0, 4.0]
