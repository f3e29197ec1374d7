"""The formulas against independent ones, and the p-values against what they claim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trackbook.monitoring import effects, statistics
from trackbook.monitoring.counts import Counts, coarsen, count_levels, count_ordered

counts_of_cells = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40)


def ordered(reference, current):
    return count_ordered(np.sort(np.asarray(reference, float)), np.sort(np.asarray(current, float)))


def levels(reference, current):
    return count_levels([str(i) for i in range(len(reference))], np.asarray(reference), np.asarray(current))


def test_anderson_darling_is_scipys_statistic():
    rng = np.random.default_rng(1)
    for tied in (False, True):
        x, y = rng.normal(size=70), rng.normal(0.3, 1.2, size=50)
        x, y = (x.round(1), y.round(1)) if tied else (x, y)
        ours = statistics.anderson_darling(ordered(x, y))
        theirs = stats.anderson_ksamp(
            [x, y], variant="midrank", method=stats.PermutationMethod(n_resamples=2000, rng=np.random.default_rng(0))
        )
        # scipy returns (A2 - 1) / sigma; sigma only depends on the sizes (Scholz and Stephens, equation 4).
        assert ours.statistic == pytest.approx(1 + theirs.statistic * sigma(70, 50), rel=1e-9)
        assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.03)


def sigma(*sizes):
    total = sum(sizes)
    small_h = sum(1 / i for i in range(1, total))
    big_h = sum(1 / n for n in sizes)
    g = sum(1 / ((total - i) * j) for i in range(1, total - 1) for j in range(i + 1, total))
    k = len(sizes)
    a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * big_h
    b = (2 * g - 4) * k**2 + 8 * small_h * k + (2 * g - 14 * small_h - 4) * big_h - 8 * small_h + 4 * g - 6
    c = (6 * small_h + 2 * g - 2) * k**2 + (4 * small_h - 4 * g + 6) * k + (2 * small_h - 6) * big_h + 4 * small_h
    d = (2 * small_h + 6) * k**2 - 4 * small_h * k
    return np.sqrt((a * total**3 + b * total**2 + c * total + d) / ((total - 1) * (total - 2) * (total - 3)))


def test_few_rows_get_the_exact_permutation_p_value():
    x, y = [0.1, 0.4, 0.9, 1.5], [2.0, 2.2, 3.1, 4.8, 5.0]
    found = statistics.anderson_darling(ordered(x, y)).p_value
    assert found == pytest.approx(2 / 126, abs=0.006)  # both complete separations out of C(9, 4)


def test_weighted_chi_squares_meet_the_chi_square_and_the_limit_of_anderson_and_darling():
    for x in (0.5, 3.0, 15.0):
        assert statistics.weighted_chi_square_tail(x, np.ones(6)) == pytest.approx(stats.chi2.sf(x, 6), rel=0.01)
    limit = 1 / (np.arange(1, 500) * np.arange(2, 501))
    for x, p in ((1.933, 0.10), (2.492, 0.05), (3.857, 0.01)):
        assert statistics.weighted_chi_square_tail(x, limit) == pytest.approx(p, rel=0.08)


def test_chi_square_is_scipys_when_no_cell_is_sparse():
    table = np.array([[300, 200, 100, 60], [280, 240, 90, 55]])
    ours, theirs = statistics.chi_square(levels(*table)), stats.chi2_contingency(table)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.002)


def test_moments_of_pearsons_statistic_are_those_of_all_permutations():
    rng = np.random.default_rng(2)
    pooled = np.array([1, 1, 1, 2, 3, 7, 15])
    drawn = rng.multivariate_hypergeometric(pooled, 12, size=200_000)
    size, total = 12, pooled.sum()
    gap = drawn - size * pooled / total
    statistic = (gap**2 / pooled).sum(axis=1) * total**2 / (size * (total - size))
    mean, variance = statistics.chi_square_moments(Counts(drawn[0], pooled - drawn[0]))
    assert mean == pytest.approx(statistic.mean(), rel=0.01)
    assert variance == pytest.approx(statistic.var(), rel=0.02)


def test_two_shares_is_fishers_test_when_a_cell_is_small():
    found = statistics.two_shares((1, 9), (20, 22))
    assert found.method == "fisher"
    assert found.p_value == pytest.approx(stats.fisher_exact([[1, 9], [19, 13]])[1])


def test_benjamini_hochberg_is_scipys():
    p = [0.001, 0.2, 0.013, 0.04, 0.9, 0.04]
    assert statistics.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))
    assert statistics.benjamini_hochberg([]) == []


def test_new_levels_are_told_from_rare_ones():
    sure = statistics.unseen_levels(levels([500, 500, 0], [450, 450, 60]))
    rare = statistics.unseen_levels(levels([500, 490] + [1] * 10 + [0] * 10, [500, 490] + [0] * 10 + [1] * 10))
    assert sure.p_value < 0.001
    assert rare.p_value > 0.1


@given(counts_of_cells)
def test_tests_and_effects_are_finite_and_do_not_depend_on_which_sample_comes_first(cells):
    reference, current = np.asarray(cells).T
    keep = reference + current > 0
    reference, current = reference[keep], current[keep]
    if not reference.sum() or not current.sum():
        return
    here, there = Counts(reference, current), Counts(current, reference)
    for test in (statistics.anderson_darling, statistics.chi_square):
        one, other = test(here), test(there)
        assert np.isfinite(one.statistic) and 0 < one.p_value <= 1
        assert one.statistic == pytest.approx(other.statistic, abs=1e-6)
        assert one.p_value == pytest.approx(other.p_value, abs=0.03)
    for effect in (effects.range_distance, effects.level_distance):
        one, other = effect(here), effect(there)
        assert one == pytest.approx(other, abs=1e-9)
        assert 0 <= one.low <= one.value <= one.high <= 1


@given(counts_of_cells, st.integers(2, 20))
def test_coarsening_keeps_every_row_and_the_mean_of_the_statistic(cells, size):
    reference, current = np.asarray(cells).T
    keep = reference + current > 0
    counts = Counts(reference[keep], current[keep])
    if counts.total == 0:
        return
    coarse = coarsen(counts, size)
    assert (coarse.n_reference, coarse.n_current) == (counts.n_reference, counts.n_current)
    assert len(coarse.pooled) <= max(2 * size, len(counts.pooled)) and (coarse.pooled > 0).all()


CASES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n),
    "ties": lambda rng, n: rng.poisson(1.5, n).astype(float),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.9, 0.0, rng.normal(size=n)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("n", "m", "repeats"), [(30, 30, 600), (30, 1000, 600), (200, 200, 600), (5000, 5000, 200)])
def test_without_drift_five_percent_of_the_raw_p_values_of_numbers_are_below_five_percent(case, n, m, repeats):
    rng = np.random.default_rng(10)
    draw = CASES[case]
    p = [statistics.anderson_darling(ordered(draw(rng, n), draw(rng, m))).p_value for _ in range(repeats)]
    assert_level(p, repeats, exact=case not in ("mostly zero",))


@pytest.mark.parametrize("cells", [2, 10, 200])
@pytest.mark.parametrize(("n", "m", "repeats"), [(30, 30, 500), (200, 1000, 500), (5000, 5000, 500)])
def test_without_drift_five_percent_of_the_raw_p_values_of_levels_are_below_five_percent(cells, n, m, repeats):
    rng = np.random.default_rng(11)
    shares = 1 / np.arange(1, cells + 1)
    shares /= shares.sum()
    drawn = [(rng.multinomial(n, shares), rng.multinomial(m, shares)) for _ in range(repeats)]
    assert_level([statistics.chi_square(levels(*pair)).p_value for pair in drawn], repeats, exact=n > 30)


def assert_level(p, repeats, *, exact):
    """Below 5 % as often as 5 % gives, within what `repeats` can show; on coarse data perhaps less often."""
    below = int(np.count_nonzero(np.asarray(p) < 0.05))
    low, high = stats.binom.interval(0.999, repeats, 0.05)
    assert below <= high
    assert not exact or below >= low


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.5, 1.0])
def test_the_interval_of_the_range_distance_covers_the_true_distance(shift):
    rng = np.random.default_rng(12)
    true = 2 * stats.norm.cdf(shift / 2) - 1
    for n in (50, 500):
        found = [effects.range_distance(ordered(rng.normal(size=n), rng.normal(shift, 1, n))) for _ in range(300)]
        covered = np.mean([effect.low <= true <= effect.high for effect in found])
        assert covered >= 0.92  # 0.95 less three standard errors of 300 repeats


def test_the_interval_of_the_level_distance_covers_the_true_distance():
    rng = np.random.default_rng(13)
    before, after = np.array([0.4, 0.3, 0.2, 0.05, 0.05]), np.array([0.3, 0.3, 0.3, 0.05, 0.05])
    found = [
        effects.level_distance(levels(rng.multinomial(300, before), rng.multinomial(400, after))) for _ in range(300)
    ]
    assert np.mean([effect.low <= 0.1 <= effect.high for effect in found]) >= 0.92


def test_newcombes_interval_is_the_published_one():
    # Newcombe (1998), table II, column (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    effect = effects.share_difference((48, 56), (80, 70))
    assert (effect.value, effect.low, effect.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
