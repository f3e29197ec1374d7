"""Randomness that code draws without a seed, clocks that it reads, and the seeds that it sets; by its text alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from trackbook.cells import read_source
from trackbook.cells.catalogue import MODULE_ALIASES


class Unseeded(msgspec.Struct, frozen=True, order=True):
    """A call whose result no seed in the code decides; `line` counts from 1.

    `kind` is `generator` (made without a seed), `global` (draws from a global generator), `system` (chance of the
    operating system, which no seed reaches) or `clock`.
    """

    line: int
    name: str
    kind: str


class Seed(msgspec.Struct, frozen=True, order=True):
    """A seed that the code sets, as it is written."""

    line: int
    name: str
    value: str


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GENERATORS = _words("default_rng RandomState SeedSequence PCG64 PCG64DXSM MT19937 Philox SFC64")
_SEEDERS = {
    "random.seed": "random",
    "numpy.random.seed": "numpy",
    "torch.manual_seed": "torch",
    "torch.random.manual_seed": "torch",
    "tensorflow.random.set_seed": "tensorflow",
}
_EVERYWHERE = _words("seed_everything fix_all_seeds set_seed set_random_seed")  # Lightning, transformers, Keras
_SYSTEM = _words("random.SystemRandom os.urandom os.getrandom uuid.uuid1 uuid.uuid4 torch.seed tempfile.mktemp")
_CLOCKS = _words(
    "time.time time.time_ns time.perf_counter time.perf_counter_ns time.monotonic time.monotonic_ns time.process_time "
    "time.localtime time.gmtime time.ctime datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today "
    "datetime.date.today pandas.Timestamp.now pandas.Timestamp.today pandas.Timestamp.utcnow"
)
_NUMPY_DRAWS = _words(
    "beta binomial bytes chisquare choice dirichlet exponential f gamma geometric gumbel hypergeometric laplace "
    "logistic lognormal logseries multinomial multivariate_normal negative_binomial noncentral_chisquare noncentral_f "
    "normal pareto permutation poisson power rand randint randn random random_integers random_sample ranf rayleigh "
    "sample shuffle standard_cauchy standard_exponential standard_gamma standard_normal standard_t triangular uniform "
    "vonmises wald weibull zipf"
)
_PYTHON_DRAWS = _words(
    "random randrange randint choice choices sample shuffle uniform triangular betavariate binomialvariate expovariate "
    "gammavariate gauss getrandbits lognormvariate normalvariate paretovariate randbytes vonmisesvariate weibullvariate"
)
_TORCH_DRAWS = _words("rand randn randint randperm rand_like randn_like randint_like normal bernoulli multinomial")
_SKLEARN = _words(
    # of these every default draws from NumPy's global generator
    "train_test_split ShuffleSplit StratifiedShuffleSplit GroupShuffleSplit RepeatedKFold RepeatedStratifiedKFold "
    "RandomizedSearchCV HalvingGridSearchCV HalvingRandomSearchCV ParameterSampler permutation_importance "
    "permutation_test_score resample make_classification make_regression make_blobs make_moons make_circles "
    "make_friedman1 make_friedman2 make_friedman3 make_s_curve make_swiss_roll make_hastie_10_2 make_low_rank_matrix "
    "make_gaussian_quantiles make_multilabel_classification make_sparse_uncorrelated make_spd_matrix "
    "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor ExtraTreeClassifier "
    "ExtraTreeRegressor RandomTreesEmbedding BaggingClassifier BaggingRegressor AdaBoostClassifier AdaBoostRegressor "
    "GradientBoostingClassifier GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor "
    "DecisionTreeClassifier DecisionTreeRegressor IsolationForest SGDClassifier SGDRegressor SGDOneClassSVM Perceptron "
    "PassiveAggressiveClassifier PassiveAggressiveRegressor MLPClassifier MLPRegressor BernoulliRBM LinearSVC "
    "LinearSVR KMeans MiniBatchKMeans BisectingKMeans SpectralClustering SpectralBiclustering SpectralCoclustering "
    "GaussianMixture BayesianGaussianMixture LatentDirichletAllocation FastICA FactorAnalysis TruncatedSVD "
    "DictionaryLearning MiniBatchDictionaryLearning SparsePCA MiniBatchSparsePCA TSNE MDS LocallyLinearEmbedding "
    "SpectralEmbedding GaussianRandomProjection SparseRandomProjection Nystroem RBFSampler PolynomialCountSketch "
    "SkewedChi2Sampler QuantileTransformer KBinsDiscretizer IterativeImputer TargetEncoder RANSACRegressor "
    "TheilSenRegressor RandomizedPCA EllipticEnvelope MinCovDet mutual_info_classif mutual_info_regression"
)
_ON_CONDITION = {
    **dict.fromkeys(("KFold", "StratifiedKFold", "StratifiedGroupKFold", "GroupKFold"), ("shuffle", {"True"})),
    "LogisticRegression": ("solver", {"'sag'", "'saga'", "'liblinear'"}),
    "LogisticRegressionCV": ("solver", {"'sag'", "'saga'", "'liblinear'"}),
    "Ridge": ("solver", {"'sag'", "'saga'"}),
    "RidgeClassifier": ("solver", {"'sag'", "'saga'"}),
    "SVC": ("probability", {"True"}),
    "NuSVC": ("probability", {"True"}),
    "PCA": ("svd_solver", {"'randomized'", "'arpack'"}),
    "NMF": ("init", {"'random'", "'nndsvdar'"}),
    **dict.fromkeys(("Lasso", "ElasticNet", "LassoCV", "ElasticNetCV"), ("selection", {"'random'"})),
}
"""What of scikit-learn draws only when an argument has one of these values."""

_METHODS = _words("sample shuffle")
_SEED_KEYWORDS = _words("random_state seed rng random_seed")


@lru_cache(256)
def unseeded(source: str) -> tuple[Unseeded, ...]:
    """Name the calls in `source`, a cell or a program, whose result no seed decides; in the order of the lines.

    Draws from a global generator count only where no earlier line seeds it.  Text that is no Python has none.
    """
    scan = _Scan(source)
    return tuple(sorted({found for call, path in scan.calls for found in scan.unseeded(call, path)}))


def seeded(source: str) -> tuple[Seed, ...]:
    """Name the seeds that `source` sets: of global generators, of its own ones, and `random_state` arguments."""
    scan = _Scan(source)
    return tuple(sorted({found for call, path in scan.calls for found in scan.seeds(call, path)}))


class _Scan:
    """The calls of a text, with the dotted names of what they call."""

    def __init__(self, source: str) -> None:
        self.calls: list[tuple[ast.Call, str]] = []
        self._imports = dict(MODULE_ALIASES)
        self._global_seeds: dict[str, int] = {}
        self._source = read_source(source)
        nodes = list(ast.walk(self._source.tree))
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._add_imports(node)
        self.calls = [(node, self._path(node.func)) for node in nodes if isinstance(node, ast.Call)]
        for call, path in self.calls:
            for library in self._seeded_by(call, path):
                self._global_seeds[library] = min(call.lineno, self._global_seeds.get(library, call.lineno))

    def unseeded(self, call: ast.Call, path: str) -> Iterator[Unseeded]:
        """Yield what is left to chance in one call."""
        last = path.rpartition(".")[2]
        kind = self._kind(call, path, last)
        if kind is not None:
            yield Unseeded(self._source.line(call.lineno), path.lstrip("."), kind)

    def seeds(self, call: ast.Call, path: str) -> Iterator[Seed]:
        """Yield the seeds that one call is given."""
        last = path.rpartition(".")[2]
        is_seeder = path in _SEEDERS or last in _GENERATORS or last in _EVERYWHERE or path == "random.Random"
        if is_seeder and call.args and not _is_none(call.args[0]):
            yield Seed(self._source.line(call.lineno), path.lstrip("."), ast.unparse(call.args[0]))
        for keyword in call.keywords:
            if keyword.arg in _SEED_KEYWORDS and not _is_none(keyword.value):
                yield Seed(
                    self._source.line(call.lineno), f"{path.lstrip('.')}.{keyword.arg}", ast.unparse(keyword.value)
                )

    def _kind(self, call: ast.Call, path: str, last: str) -> str | None:
        if path in _CLOCKS:
            return "clock"
        if path in _SYSTEM or path.startswith("secrets.") or (path in _SEEDERS and not _has_seed(call)):
            return "system"
        if last in _GENERATORS or path == "random.Random":
            return None if _has_seed(call) else "generator"
        library = self._draws_from(call, path, last)
        if library is None or self._global_seeds.get(library, call.lineno + 1) <= call.lineno:
            return None
        return "global"

    def _draws_from(self, call: ast.Call, path: str, last: str) -> str | None:
        """Return the library from whose global generator a call draws."""
        folder = path.rpartition(".")[0]
        if folder == "numpy.random" and last in _NUMPY_DRAWS:
            return "numpy"
        if folder == "random" and last in _PYTHON_DRAWS:
            return "random"
        if folder == "torch" and last in _TORCH_DRAWS:
            return None if _has_keyword(call, "generator") else "torch"
        if folder == "tensorflow.random":
            return None if _has_keyword(call, "seed") else "tensorflow"
        if _has_keyword(call, *_SEED_KEYWORDS):
            return None
        draws = last in _SKLEARN or (last in _METHODS and self._is_method(path)) or _meets(call, last)
        return "numpy" if draws and not _is_off(call, last) else None

    def _is_method(self, path: str) -> bool:
        """Say whether `sample` or `shuffle` is called on a value such as a frame, or is scikit-learn's function."""
        root = path.partition(".")[0]
        return root not in self._imports.values() or path.startswith("sklearn.utils")

    def _seeded_by(self, call: ast.Call, path: str) -> Iterable[str]:
        """Return the libraries whose global generators a call seeds."""
        if not _has_seed(call):
            return ()
        if path.rpartition(".")[2] in _EVERYWHERE:
            return set(_SEEDERS.values())
        return (_SEEDERS[path],) if path in _SEEDERS else ()

    def _path(self, function: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(function, ast.Attribute):
            parts.append(function.attr)
            function = function.value
        root = self._imports.get(function.id, function.id) if isinstance(function, ast.Name) else ""
        return ".".join([root, *reversed(parts)])

    def _add_imports(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                self._imports[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
            elif alias.asname:
                self._imports[alias.asname] = alias.name
            else:
                root = alias.name.partition(".")[0]
                self._imports[root] = root


def _has_seed(call: ast.Call) -> bool:
    values = [*call.args[:1], *(word.value for word in call.keywords if word.arg in (*_SEED_KEYWORDS, "x", "entropy"))]
    return any(not _is_none(value) for value in values)


def _has_keyword(call: ast.Call, *names: str) -> bool:
    return any(word.arg in names and not _is_none(word.value) for word in call.keywords)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _meets(call: ast.Call, name: str) -> bool:
    """Say whether a call has the argument on whose value it depends that it draws."""
    wanted, values = _ON_CONDITION.get(name, ("", set()))
    return any(word.arg == wanted and ast.unparse(word.value) in values for word in call.keywords)


def _is_off(call: ast.Call, name: str) -> bool:
    """Say whether `train_test_split` and its like are told not to shuffle."""
    return name == "train_test_split" and any(
        word.arg == "shuffle" and ast.unparse(word.value) == "False" for word in call.keywords
    )
