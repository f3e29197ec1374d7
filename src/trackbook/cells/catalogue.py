"""What calls do to their arguments: builtins, the methods of common types, and the libraries of data science.

A call that stands nowhere in here is taken to change whatever it is handed.
"""

from __future__ import annotations

from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Rule:
    """What calling a function does.

    `changes` are positions of arguments changed (-1 for all of them), `alias` positions that the
    result may share memory with, `holds` whether the result keeps its arguments inside, `gives` whether
    it lay inside one of them, `consumes` whether iterators among the arguments are advanced; `reads` and
    `writes` are pieces of process state, and `sets` those that the call replaces altogether.  `kind` is
    what comes back.
    """

    changes: tuple[int, ...] = ()
    alias: tuple[int, ...] = ()
    holds: bool = False
    consumes: bool = False
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    gives: bool = False
    kind: str = "unknown"


PURE = Rule()
VALUE = Rule(kind="immutable")

RNG_NUMPY = "state:numpy.random"
RNG_PYTHON = "state:random"
PYPLOT = "state:matplotlib.pyplot"
CWD = "state:cwd"
LAST = "state:_"
OUT = "state:Out"
FILE = "file:"
ANY_FILE = "file:*"
DRAWN = frozenset({RNG_NUMPY, RNG_PYTHON, PYPLOT, LAST, OUT})
PACKAGES = "state:packages"
MAGICS = "state:magics"
SETTINGS = frozenset(
    {
        MAGICS,
        "numpy.printoptions",
        "numpy.errstate",
        "pandas.options",
        "warnings.filters",
        "locale.settings",
        "decimal.context",
        "logging.root",
        "matplotlib.backend",
        "sklearn.config",
        "os.environ",
    }
)
"""Pieces of process state; SETTINGS are those that code may depend on without naming them.

Those with a plain dotted name are attributes that code can reach as well.
"""

BUILTINS: dict[str, Rule] = {
    **dict.fromkeys(
        _words(
            "abs ascii bin bool callable chr complex divmod float format hash hex id int isinstance issubclass len "
            "oct ord pow range repr round slice str type bytes help dir input"
        ),
        VALUE,
    ),
    **dict.fromkeys(["print", "sum", "any", "all"], Rule(consumes=True, kind="immutable")),
    **dict.fromkeys(["min", "max"], Rule(consumes=True, gives=True)),
    **dict.fromkeys(["list", "sorted"], Rule(consumes=True, holds=True, kind="list")),
    "tuple": Rule(consumes=True, holds=True, kind="tuple"),
    "dict": Rule(consumes=True, holds=True, kind="dict"),
    "set": Rule(consumes=True, holds=True, kind="set"),
    "frozenset": Rule(consumes=True, holds=True, kind="tuple"),
    **dict.fromkeys(
        ["enumerate", "filter", "map", "zip", "reversed", "iter", "aiter"], Rule(holds=True, kind="iterator")
    ),
    "next": Rule(changes=(0,), alias=(1,), gives=True),
    "anext": Rule(changes=(0,), alias=(1,), gives=True),
    "setattr": Rule(changes=(0,), holds=True, kind="immutable"),
    "delattr": Rule(changes=(0,), kind="immutable"),
    "getattr": Rule(alias=(0, 2), holds=True),
    "hasattr": VALUE,
    "vars": Rule(alias=(0,), holds=True),
    "super": Rule(),
    "object": Rule(),
    "property": Rule(holds=True),
    "staticmethod": Rule(alias=(0,)),
    "classmethod": Rule(alias=(0,)),
    "bytearray": Rule(),
    "memoryview": Rule(alias=(0,)),
    "display": Rule(consumes=True, kind="immutable"),
}
"""Builtins, and `display` of the notebook; exceptions, `open`, `exec` and their like are met elsewhere."""

MUTATING_METHODS = _words(
    "append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse update "
    "setdefault add discard difference_update intersection_update symmetric_difference_update rotate fit "
    "partial_fit fit_transform fit_predict fit_resample set_params write writelines read readline readlines "
    "seek truncate close flush send throw put put_nowait fill itemset setflags setfield byteswap partition "
    "shuffle move_to_end subtract execute executemany executescript fetchone fetchall fetchmany commit "
    "rollback cursor zero_grad backward load_state_dict add_argument seed"
)
"""Methods that change what they are called on, whatever it is."""

SELF_METHODS = _words("fit partial_fit set_params set_output")
"""Methods that give back what they are called on."""

GIVING_METHODS = _words("pop popleft popitem get setdefault items keys values copy fetchone fetchall __getitem__")
"""Methods whose result holds or is something that lay inside."""

QUERY_METHODS = _words("query eval")
"""Methods that look up variables named in a text (`@limit`)."""

EVALUATING = frozenset({"pandas.eval", "numexpr.evaluate"})
"""Functions that look up all names of a text among the variables."""

VIEW_METHODS = _words("reshape ravel view transpose squeeze swapaxes diagonal to_numpy asarray set_output __array__")
"""Methods whose result may share memory with what they are called on."""

PURE_METHODS = _words(
    # text, numbers, containers
    "capitalize casefold center count decode encode endswith expandtabs find format format_map index isalnum "
    "isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join "
    "ljust lower lstrip maketrans partition removeprefix removesuffix replace rfind rindex rjust rpartition "
    "rsplit rstrip split splitlines startswith strip swapcase title translate upper zfill copy get items keys "
    "values union intersection difference symmetric_difference issubset issuperset isdisjoint most_common "
    "elements total bit_length as_integer_ratio conjugate hex is_integer to_bytes match search fullmatch "
    "findall finditer sub subn group groups groupdict span isoformat strftime timestamp date time weekday "
    "isoweekday timetuple astimezone total_seconds exists is_file is_dir iterdir glob rglob resolve absolute "
    "with_suffix with_name with_stem joinpath relative_to as_posix expanduser stat samefile "
    # pandas
    "head tail describe info sum mean median mode std var sem min max prod quantile skew kurt kurtosis corr "
    "cov count nunique unique value_counts idxmin idxmax argmin argmax argsort cumsum cumprod cummin cummax "
    "diff pct_change rank round abs clip isna isnull notna notnull isin between duplicated drop_duplicates "
    "drop dropna fillna ffill bfill interpolate replace rename rename_axis reset_index set_index reindex "
    "sort_values sort_index assign astype convert_dtypes infer_objects copy apply map applymap transform agg "
    "aggregate pipe groupby rolling expanding ewm resample merge join concat pivot pivot_table melt stack "
    "unstack explode crosstab cut sample nlargest nsmallest query filter where mask take xs iloc loc iterrows "
    "itertuples equals compare combine combine_first dot add_prefix add_suffix to_frame to_list tolist to_dict "
    "to_json to_string to_markdown to_html to_latex to_records to_series to_timestamp to_period tz_localize "
    "tz_convert shift first last nth size ngroup get_group any all ne eq lt gt le ge add sub mul div truediv "
    "floordiv mod pow radd rsub rmul rdiv memory_usage select_dtypes squeeze swaplevel droplevel set_axis "
    "align at_time between_time asfreq autocorr factorize repeat searchsorted contains extract extractall len "
    "slice cat pad wrap get_dummies normalize floor ceil day_name month_name isocalendar set_flags lookup keys "
    "get_level_values to_flat_index cumcount bool item nonzero transpose ohlc first_valid_index "
    "last_valid_index dt str add_categories remove_categories rename_categories reorder_categories "
    "set_categories "
    # pandas plots and styles
    "_replace _asdict style background_gradient highlight_max highlight_min hide bar_chart set_caption "
    # numpy
    "reshape ravel flatten squeeze swapaxes diagonal trace tobytes dumps compress choose ptp conj newbyteorder "
    "view "
    # scikit-learn
    "predict predict_proba predict_log_proba decision_function score score_samples inverse_transform "
    "get_params get_feature_names_out kneighbors kneighbors_graph radius_neighbors staged_predict "
    "staged_predict_proba apply decision_path get_depth get_n_leaves split get_n_splits path "
    "cost_complexity_pruning_path get_support bic aic sample_gmm perplexity mahalanobis get_booster "
    "get_metadata_routing"
)
"""Methods that only read what they are called on; `inplace=True` and `out=` are met apart."""

PLOT_METHODS = _words("plot hist boxplot bar barh scatter line area pie hexbin kde density box")
"""Methods that draw on the current axes when a frame is the receiver."""

WRITER_METHODS = _words(
    "to_csv to_excel to_json to_parquet to_feather to_pickle to_hdf to_html to_latex to_markdown to_stata "
    "to_sql to_orc to_xml savefig save save_model write_text write_bytes write_image write_html touch tofile "
    "savetxt dump savez savez_compressed imsave imwrite to_file save_weights"
)
"""Methods and functions that write the file named by one of their arguments."""

COMMANDS = frozenset({"os.system", "os.popen"}) | {
    f"subprocess.{name}"
    for name in ("run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "Popen")
}
"""Functions that run a command of the shell."""
FILE_CHANGERS = _words(
    "mkdir makedirs remove unlink rename renames replace rmdir removedirs rmtree copy copy2 copyfile copytree move "
    "symlink link truncate utime"
)
"""Functions of `os` and `shutil` that make, move or remove the files named by their arguments."""

PATH_CHANGERS = _words("mkdir unlink rmdir rename symlink_to hardlink_to touch write_text write_bytes")
PATH_READERS = _words("read_text read_bytes")
"""Methods of `pathlib.Path` that change or read the file that the path itself names."""

ASKING = _words("exists isfile is_file isdir is_dir stat getsize getmtime")
"""Functions and methods that ask whether a file is there and what it is like."""

READER_PREFIXES = ("read_", "load", "open", "imread", "genfromtxt", "fromfile", "glob", "listdir")
"""How the names of functions that read files begin."""

WATCHED = {
    **dict.fromkeys(
        _words(
            "to_csv to_excel to_json to_parquet to_feather to_pickle to_html to_latex to_markdown to_stata to_xml "
            "savefig save savez savez_compressed savetxt imsave read_csv read_table read_fwf read_json read_parquet "
            "read_feather read_pickle read_excel read_xml load loadtxt genfromtxt fromfile imread"
        ),
        0,
    ),
    "dump": 1,
}
"""Functions and methods that read and write in ways that raise audit events, with the place of the path."""

PATH_KEYWORDS = _words("path path_or_buf filepath_or_buffer buf fname file excel_writer io")
"""Names that functions give to the argument that is a path."""

PURE_LIBRARIES = _words(
    "numpy pandas sklearn scipy statsmodels math cmath statistics json re datetime collections itertools "
    "functools operator string textwrap time copy pathlib glob io decimal fractions typing dataclasses enum "
    "abc hashlib base64 calendar zoneinfo uuid numbers bisect pprint html urllib seaborn xgboost lightgbm "
    "types keyword tempfile platform inspect ast dis csv pickle joblib os sys shutil matplotlib plotly altair "
    "polars pyarrow warnings logging locale random heapq struct zlib gzip contextlib traceback asyncio "
    "networkx nltk tqdm skops requests itables IPython trackbook yaml toml tomllib dateutil pytz shapely "
    "builtins"
)
"""Packages whose functions leave their arguments alone, but for those named in LIBRARY."""

VIEW_FUNCTIONS = _words(
    "asarray asanyarray ascontiguousarray ravel reshape squeeze transpose swapaxes moveaxis rollaxis "
    "atleast_1d atleast_2d atleast_3d broadcast_to broadcast_arrays expand_dims diagonal split array_split "
    "vsplit hsplit dsplit flip fliplr flipud rot90 check_array check_X_y as_strided sliding_window_view "
    "from_numpy frombuffer as_tensor"
)
"""Functions of numpy and its kin whose result may share memory with an argument."""

SHARING_FUNCTIONS = _words(
    "partial reduce deque ChainMap SimpleNamespace chain cycle islice tee accumulate groupby product "
    "OrderedDict defaultdict Counter nullcontext closing wraps reader writer DictReader DictWriter"
)
"""Functions of the standard library whose result keeps its arguments."""

ITERATOR_FUNCTIONS = _words(
    "chain cycle islice tee accumulate groupby product count repeat starmap takewhile dropwhile permutations "
    "combinations pairwise reader DictReader scandir finditer"
)
"""Functions of the standard library that give an iterator."""

COMPOSERS = _words("make_pipeline make_union make_column_transformer")
"""Functions of scikit-learn that put estimators into a new one."""

MAPPINGS = frozenset({"os.environ", "matplotlib.rcParams", "pandas.options"})
"""Objects of libraries of which keys are told apart."""

OPTIONS = {"os.getenv": "os.environ", "pandas.get_option": "pandas.options", "pandas.set_option": "pandas.options"}
OPTION_SETTERS = frozenset({"pandas.set_option"})
"""Functions that get or set one option, which their first argument names, with the mapping that it stands in."""

RESTORING: dict[str, tuple[str, ...]] = {
    "warnings.catch_warnings": ("warnings.filters",),
    "pandas.option_context": ("pandas.options",),
    "numpy.printoptions": ("numpy.printoptions",),
    "numpy.errstate": ("numpy.errstate",),
    "decimal.localcontext": ("decimal.context",),
    "contextlib.chdir": (CWD,),
    "sklearn.config_context": ("sklearn.config",),
    **dict.fromkeys(
        [
            "matplotlib.rc_context",
            "matplotlib.pyplot.rc_context",
            "matplotlib.style.context",
            "matplotlib.pyplot.style.context",
            "seaborn.axes_style",
            "seaborn.plotting_context",
        ],
        ("matplotlib.rcParams",),
    ),
}
"""Contexts that put a piece of process state back at their end."""

BACKENDS = frozenset({"matplotlib.use", "matplotlib.pyplot.switch_backend"})
"""Functions after which pyplot may keep figures from cell to cell; in a notebook they are closed with each cell."""

FRAME_FUNCTIONS = _words(
    "DataFrame read_csv read_table read_fwf read_parquet read_feather read_orc concat merge get_dummies pivot_table "
    "json_normalize melt crosstab"
)
FRAME_METHODS = _words(
    "copy drop dropna fillna ffill bfill assign rename reset_index set_index sort_values sort_index head tail sample "
    "query merge join astype replace drop_duplicates clip round nlargest nsmallest filter reindex select_dtypes "
    "convert_dtypes infer_objects interpolate add_prefix add_suffix explode set_axis rename_axis"
)
"""Functions of pandas, and methods of a frame, that give a new frame."""

MASK_METHODS = _words(
    "isin isna isnull notna notnull between duplicated contains startswith endswith eq ne lt gt le ge isnumeric"
)
"""Methods of frames and columns that give a mask."""

FRAME_NAMES = (
    PURE_METHODS
    | MUTATING_METHODS
    | VIEW_METHODS
    | PLOT_METHODS
    | WRITER_METHODS
    | _words(
        "T at attrs axes columns dtypes empty flags iat iloc index loc ndim plot shape size sparse style values insert "
        "eval isetitem map hist boxplot dtype name array nbytes array_interface"
    )
)
"""Attributes of a frame that are no columns."""

LIBRARY: dict[str, Rule] = {
    "numpy.copyto": Rule(changes=(0,)),
    "numpy.put": Rule(changes=(0,)),
    "numpy.place": Rule(changes=(0,)),
    "numpy.putmask": Rule(changes=(0,)),
    "numpy.fill_diagonal": Rule(changes=(0,)),
    "numpy.put_along_axis": Rule(changes=(0,)),
    "numpy.set_printoptions": Rule(writes=("numpy.printoptions",)),
    "numpy.get_printoptions": Rule(reads=("numpy.printoptions",)),
    "numpy.seterr": Rule(writes=("numpy.errstate",)),
    "numpy.geterr": Rule(reads=("numpy.errstate",), kind="immutable"),
    "numpy.random.seed": Rule(sets=(RNG_NUMPY,)),
    "numpy.random.set_state": Rule(sets=(RNG_NUMPY,)),
    "numpy.random.get_state": Rule(reads=(RNG_NUMPY,)),
    "numpy.random.shuffle": Rule(changes=(0,), writes=(RNG_NUMPY,)),
    "numpy.random.default_rng": Rule(kind="rng"),
    "numpy.random.RandomState": Rule(kind="rng"),
    "numpy.random.Generator": Rule(kind="rng", holds=True),
    "numpy.random.SeedSequence": PURE,
    "random.seed": Rule(sets=(RNG_PYTHON,)),
    "random.setstate": Rule(sets=(RNG_PYTHON,)),
    "random.getstate": Rule(reads=(RNG_PYTHON,)),
    "random.shuffle": Rule(changes=(0,), writes=(RNG_PYTHON,)),
    "random.Random": Rule(kind="rng"),
    **dict.fromkeys(["types.SimpleNamespace", "argparse.Namespace"], Rule(holds=True, consumes=True, kind="record")),
    "heapq.heappush": Rule(changes=(0,)),
    "heapq.heappop": Rule(changes=(0,), gives=True),
    "heapq.heapify": Rule(changes=(0,)),
    "heapq.heapreplace": Rule(changes=(0,), gives=True),
    "bisect.insort": Rule(changes=(0,)),
    "pandas.set_option": Rule(writes=("pandas.options",)),
    "pandas.reset_option": Rule(writes=("pandas.options",)),
    "pandas.get_option": Rule(reads=("pandas.options",), kind="immutable"),
    "pandas.option_context": Rule(writes=("pandas.options",)),
    "os.chdir": Rule(sets=(CWD,)),
    "os.getcwd": Rule(reads=(CWD,), kind="immutable"),
    "pathlib.Path.cwd": Rule(reads=(CWD,)),
    "os.getenv": Rule(reads=("os.environ",), kind="immutable"),
    "os.putenv": Rule(writes=("os.environ",)),
    "os.path.abspath": Rule(reads=(CWD,), kind="immutable"),
    **dict.fromkeys([f"os.path.{name}" for name in ("join", "dirname", "basename", "normpath", "expanduser")], VALUE),
    **dict.fromkeys(["matplotlib.pyplot.ion", "matplotlib.pyplot.ioff"], Rule(writes=("matplotlib.rcParams",))),
    **dict.fromkeys(
        ["matplotlib.style.use", "matplotlib.pyplot.style.use", "seaborn.set_context", "seaborn.set_palette"],
        Rule(writes=("matplotlib.rcParams",)),
    ),
    "warnings.simplefilter": Rule(writes=("warnings.filters",)),
    "warnings.filterwarnings": Rule(writes=("warnings.filters",)),
    "warnings.resetwarnings": Rule(writes=("warnings.filters",)),
    "warnings.warn": Rule(reads=("warnings.filters",)),
    "locale.setlocale": Rule(writes=("locale.settings",)),
    "decimal.getcontext": Rule(alias=(), reads=("decimal.context",), writes=("decimal.context",)),
    "decimal.Decimal": Rule(reads=("decimal.context",)),
    "logging.basicConfig": Rule(writes=("logging.root",)),
    **dict.fromkeys(
        [f"logging.{name}" for name in ("debug", "info", "warning", "error", "critical", "exception", "log")],
        Rule(reads=("logging.root",), consumes=True, kind="immutable"),
    ),
    **dict.fromkeys(
        [f"contextlib.redirect_{name}" for name in ("stdout", "stderr")], Rule(changes=(0,), alias=(0,), holds=True)
    ),
    "pickle.dump": Rule(changes=(1,)),
    "json.dump": Rule(changes=(1,)),
    "pickle.load": Rule(changes=(0,)),
    "json.load": Rule(changes=(0,)),
    **dict.fromkeys(["operator.setitem", "operator.delitem"], Rule(changes=(0,))),
    **dict.fromkeys(
        [f"operator.{name}" for name in ("iadd", "iconcat", "imul", "ior", "iand", "isub", "ixor")],
        Rule(changes=(0,), alias=(0,)),
    ),
    "copy.copy": Rule(holds=True),
    "copy.deepcopy": PURE,
    "setattr": BUILTINS["setattr"],
    "functools.partial": Rule(holds=True, alias=(0,)),
    "functools.lru_cache": Rule(alias=(0,)),
    "functools.cache": Rule(alias=(0,)),
    "sklearn.base.clone": PURE,
    "sklearn.set_config": Rule(writes=("sklearn.config",)),
    "sklearn.get_config": Rule(reads=("sklearn.config",)),
    "seaborn.set": Rule(writes=("matplotlib.rcParams",)),
    "seaborn.set_theme": Rule(writes=("matplotlib.rcParams",)),
    "seaborn.set_style": Rule(writes=("matplotlib.rcParams",)),
    "matplotlib.use": Rule(writes=("matplotlib.backend",)),
    "matplotlib.rc": Rule(writes=("matplotlib.rcParams",)),
    "asyncio.run": Rule(),
    "pathlib.Path": Rule(kind="path"),
    "pathlib.PurePath": Rule(kind="path"),
}
"""Functions of libraries by dotted name, where the general rule would be wrong."""

DRAWING = _words(
    "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor DecisionTreeClassifier "
    "DecisionTreeRegressor GradientBoostingClassifier GradientBoostingRegressor AdaBoostClassifier AdaBoostRegressor "
    "BaggingClassifier BaggingRegressor IsolationForest MLPClassifier MLPRegressor SGDClassifier SGDRegressor KMeans "
    "MiniBatchKMeans TSNE NMF GaussianMixture RandomizedSearchCV Perceptron RandomForest"
)
"""Estimators that draw from numpy's generator when they are fitted, unless `random_state` is given."""

SEEDED = _words(
    "train_test_split KFold StratifiedKFold ShuffleSplit cross_val_score shuffle resample make_classification "
    "make_regression make_blobs make_moons make_circles"
)
"""Functions of scikit-learn that draw from numpy's generator unless `random_state` is given."""

MODULE_ALIASES = {
    "np": "numpy",
    "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "mpl": "matplotlib",
    "sns": "seaborn",
    "sp": "scipy",
    "sm": "statsmodels.api",
    "tb": "trackbook",
}
"""Names that notebooks give to modules by custom, for a cell that is read without the others."""


CANONICAL = {"matplotlib.pyplot.rcParams": "matplotlib.rcParams", "matplotlib.pyplot.rc": "matplotlib.rc"}
"""One dotted name where libraries have two for one object."""


_PALETTES = _words("load_dataset get_dataset_names color_palette get_data_home cubehelix_palette light_palette")
_AXES = _words("figure subplots subplot gca gcf axes subplot2grid subplot_mosaic twinx twiny")
_SETTERS = ("set", "reset_", "register_", "enable", "disable")
_GETTERS = ("get", "is")
"""How functions begin that keep something in their module, or tell what is kept."""


def canonical(path: str) -> str:
    """Return the one dotted name of an imported object."""
    if path.startswith("pandas.options."):
        return "pandas.options"
    return CANONICAL.get(path, path)


def library_rule(path: str) -> Rule | None:
    """Return what calling the imported function `path` does, None when nothing is known of it."""
    if (rule := LIBRARY.get(path)) is not None:
        return rule
    root, _, rest = path.partition(".")
    last = rest.rpartition(".")[2]
    if path.startswith("numpy.random."):
        return Rule(writes=(RNG_NUMPY,))
    if path.startswith("random."):
        return Rule(writes=(RNG_PYTHON,))
    if root == "seaborn" and last in _PALETTES:
        return Rule(reads=("matplotlib.rcParams",))
    if path.startswith("matplotlib.pyplot.") and last in _AXES:
        return Rule(reads=("matplotlib.rcParams",), writes=(PYPLOT,), kind="axes")
    if root == "seaborn" or path.startswith("matplotlib.pyplot."):
        return Rule(reads=("matplotlib.rcParams",), writes=(PYPLOT,))
    if root not in PURE_LIBRARIES:
        return None
    if last in FRAME_FUNCTIONS and root == "pandas":
        return Rule(consumes=True, kind="frame")
    if rest.count(".") == 0 and (last.startswith(_SETTERS) or last.startswith(_GETTERS)):
        state = (f"state:{root}",)
        return Rule(consumes=True, writes=state) if last.startswith(_SETTERS) else Rule(consumes=True, reads=state)
    return _by_last_name(root, last)


def _by_last_name(root: str, last: str) -> Rule:
    if root == "numpy" and last == "at":  # of a ufunc
        return Rule(changes=(0,))
    if last in ITERATOR_FUNCTIONS and root in {"itertools", "csv", "re", "os"}:
        return Rule(holds=True, kind="iterator")
    if last in SHARING_FUNCTIONS:
        return Rule(holds=True, consumes=True)
    if last in VIEW_FUNCTIONS:
        return Rule(alias=(-1,), holds=True)
    if root == "sklearn" and (last[:1].isupper() or last in COMPOSERS):
        return Rule(holds=True, kind="estimator")
    if last[:1].isupper() and root not in {"pandas", "collections"}:
        return Rule(holds=True)
    return Rule(consumes=True)
