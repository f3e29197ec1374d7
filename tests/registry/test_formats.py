"""Models as bytes: what is kept, what is refused, and that nothing in a crafted file ever runs."""

import io
import json
import os
import threading
import zipfile
from functools import partial

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from trackbook.errors import RegistryError
from trackbook.registry.formats import skops as formats

MARK = "trackbook-gadget-fired"


def double(values):
    return values * 2


class Holder(BaseEstimator):
    """An estimator with one attribute of anything."""

    def __init__(self, held=None):
        self.held = held

    def predict(self, data):
        return np.zeros(len(data))


HOLDER = f"{Holder.__module__}.Holder"


@pytest.fixture(scope="module")
def data(diabetes):
    frame, target = diabetes
    return frame.head(120).assign(group=np.where(frame["sex"].head(120) > 0, "a", "b")), target.head(120)


def number_columns(data):
    return data[0].drop(columns="group"), data[1]


COMMON = {
    "ridge": lambda: Ridge(),
    "forest": lambda: RandomForestClassifier(5),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=5),
    "histogram boosting": lambda: HistGradientBoostingRegressor(max_iter=5),
    "isolation": lambda: IsolationForest(n_estimators=5),
    "search": lambda: GridSearchCV(DecisionTreeRegressor(), {"max_depth": [1, 2]}, cv=KFold(3)),
    "imputer": lambda: make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=20, tol=1.0)),
    "function": lambda: make_pipeline(FunctionTransformer(np.abs), Ridge()),
}


@pytest.mark.parametrize("name", COMMON)
def test_common_models_are_kept_without_any_setting(name, data):
    numbers, target = number_columns(data)
    model = COMMON[name]().fit(numbers, (target > target.median()).astype(int))
    loaded = formats.load_model(formats.dump_model(model))
    assert np.array_equal(loaded.predict(numbers), model.predict(numbers))


def test_a_pipeline_over_mixed_columns_is_kept(data):
    frame, target = data
    columns = make_column_transformer(
        (OneHotEncoder(), ["group"]), (StandardScaler(), make_column_selector(dtype_include=float))
    )
    model = make_pipeline(columns, Ridge()).fit(frame, target)
    assert np.array_equal(formats.load_model(formats.dump_model(model)).predict(frame), model.predict(frame))


def test_other_types_need_the_projects_trust_and_the_error_says_how(data):
    model = KNeighborsRegressor().fit(*number_columns(data))
    with pytest.raises(RegistryError, match=r"model\.\w+ is a sklearn.*\[models\] trusted = \[.*KDTree"):
        formats.dump_model(model)
    trusted = formats.untrusted(skops.io.dumps(model))
    kept = formats.dump_model(model, trusted)
    with pytest.raises(RegistryError, match="does not trust"):
        formats.load_model(kept)
    assert len(formats.load_model(kept, trusted).predict(number_columns(data)[0])) == 120


def test_a_lambda_is_named_with_its_place_and_a_remedy():
    model = make_pipeline(FunctionTransformer(lambda values: values), Ridge())
    with pytest.raises(RegistryError, match=r"model\.steps\[0\]\[1\]\.func is a lambda.*`def` in a module"):
        formats.dump_model(model)


def test_a_local_class_is_named_with_its_place_and_a_remedy():
    class Local(Ridge):
        pass

    with pytest.raises(
        RegistryError, match=r"model is a \S*<locals>\.Local, defined inside a function.*Move it to the top"
    ):
        formats.dump_model(Local())


@pytest.mark.parametrize("kind", ["file", "lock", "generator"])
def test_what_cannot_be_written_is_named_with_its_place_and_a_remedy(kind, tmp_path):
    with (tmp_path / "log.txt").open("w") as file:
        held = {"file": file, "lock": threading.Lock(), "generator": (each for each in [])}[kind]
        model = make_pipeline(Holder({"deep": [1, held]}), Ridge())
        with pytest.raises(RegistryError, match=r"model\.steps\[0\]\[1\]\.held\['deep'\]\[1\] is a .*Remove it before"):
            formats.dump_model(model, [HOLDER])


def test_a_model_that_holds_itself_is_refused():
    model = Holder()
    model.held = model
    with pytest.raises(RegistryError, match="cannot be kept"):
        formats.dump_model(model, [HOLDER])


def test_a_function_of_the_project_is_kept_once_it_is_trusted(data):
    model = make_pipeline(FunctionTransformer(partial(double)), Ridge()).fit(*number_columns(data))
    name = f"{double.__module__}.double"
    with pytest.raises(RegistryError, match=r"\[models\] trusted = "):
        formats.dump_model(model)
    kept = formats.load_model(formats.dump_model(model, [name, "functools.partial"]), [name, "functools.partial"])
    assert kept.steps[0][1].func(2) == 4


# -- crafted files


def crafted(state, entries=(), protocol=2):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content)
        archive.writestr("schema.json", json.dumps({**state, "protocol": protocol, "_skops_version": "0.16"}))
    return buffer.getvalue()


def text(value):
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def of(loader, module, name, **rest):
    return {"__loader__": loader, "__module__": module, "__class__": name, **rest}


def args(*values):
    return of("TupleNode", "builtins", "tuple", content=[text(value) for value in values])


COMMAND = f"touch {MARK}"
GADGETS = {
    "constructor": of("ConstructorFromReduceNode", "os", "system", content=args(COMMAND)),
    "posix": of("ConstructorFromReduceNode", "posix", "system", content=args(COMMAND)),
    "eval": of("ConstructorFromReduceNode", "builtins", "eval", content=args(f"open({MARK!r}, 'w')")),
    "popen": of("ConstructorFromReduceNode", "subprocess", "Popen", content=args(COMMAND)),
    "object": of("ObjectNode", "os", "system"),
    "loss": of("LossNode", "os", "system", content=args(), __reduce__={"args": args(COMMAND)}),
    "list": of("ListNode", "os", "system", content=[text(COMMAND)]),
    "partial": of("PartialNode", "functools", "partial", content={
        "func": of("FunctionNode", "os", "system"), "args": args(COMMAND), "kwds": text({}), "namespace": text(None)}),
    "operator": of("OperatorFuncNode", "operator", "methodcaller", attrs=args("system", COMMAND)),
    "method": of("MethodNode", "os", "system", content={"func": "__call__", "obj": of("FunctionNode", "os", "system")}),
    "import": of("ObjectNode", "antigravity", "x"),
    "generator": of("RandomGeneratorNode", "numpy.random", "Generator", content={
        "bit_generator": of("DictNode", "builtins", "dict", key_types=args(), content={"bit_generator": text("seed")}),
        "seed_seq": of("DictNode", "builtins", "dict", key_types=args(), content={})}),
    "keys": of("DictNode", "builtins", "dict", content={COMMAND: text(1)}, key_types=of(
        "ListNode", "builtins", "list", content=[of("TypeNode", "os", "system")])),
}  # fmt: skip


@pytest.mark.parametrize("protocol", [0, 1, 2])
@pytest.mark.parametrize("name", GADGETS)
def test_gadgets_never_fire(name, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fired = []
    for target in ("system", "popen"):
        monkeypatch.setattr(os, target, lambda *given: fired.append(given))
    file = crafted(GADGETS[name], protocol=protocol)
    with pytest.raises(RegistryError):
        formats.load_model(file)
    with pytest.raises(RegistryError):
        formats.load_model(file, ["sklearn.linear_model._ridge.Ridge"])
    assert fired == []
    assert list(tmp_path.iterdir()) == []


def test_refusing_a_type_does_not_import_its_module():
    import sys

    file = crafted(of("ObjectNode", "turtledemo.clock", "x"))
    with pytest.raises(RegistryError, match=r"does not trust turtledemo\.clock\.x"):
        formats.load_model(file)
    assert "turtledemo" not in sys.modules


BROKEN = {
    "nothing": b"",
    "pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94",
    "no schema": zipfile.ZipFile,
    "no loader": crafted({}),
    "unknown loader": crafted(of("EvilNode", "os", "system")),
    "protocol of the future": crafted(GADGETS["list"], protocol=99),
    "protocol that is none": crafted(GADGETS["list"], protocol="x"),
    "a file that is not there": crafted(of("BytesNode", "builtins", "bytes", file="gone.bin")),
    "a pickled array": crafted(of("NdArrayNode", "numpy", "ndarray", type="numpy", file="a.npy"), [("a.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + b" " * 60 + b"\n\x80\x04N.")]),
    "an array without end": crafted(of("NdArrayNode", "numpy", "ndarray", type="numpy", file="a.npy"), [("a.npy", b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }".ljust(117) + b"\n")]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_bytes_that_are_no_model_are_a_clear_error(name):
    content = BROKEN[name]
    if content is zipfile.ZipFile:
        buffer = io.BytesIO()
        zipfile.ZipFile(buffer, "w").close()
        content = buffer.getvalue()
    with pytest.raises(RegistryError, match="damaged, or no skops file"):
        formats.load_model(content)


def test_a_schema_nested_without_end_is_a_clear_error():
    deep = '{"a":' * 200_000 + "1" + "}" * 200_000
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", deep)
    with pytest.raises(RegistryError, match="damaged"):
        formats.load_model(buffer.getvalue())


def test_every_truncation_is_a_clear_error(ridge):
    whole = formats.dump_model(ridge)
    for end in range(0, len(whole), max(1, len(whole) // 60)):
        with pytest.raises(RegistryError):
            formats.load_model(whole[:end])


@pytest.mark.parametrize("name", ["../../evil.npy", "/etc/passwd", "..\\evil", "a/b.npy", ".hidden"])
def test_entries_with_paths_are_refused_and_written_nowhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RegistryError, match="entry named"):
        formats.load_model(crafted(text(1), [(name, b"x")]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_of_one_name_are_refused():
    with pytest.raises(RegistryError, match="two entries of one name"):
        formats.load_model(crafted(text(1), [("a.npy", b"x"), ("a.npy", b"y")]))


@pytest.mark.parametrize("nested", [False, True])
def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(nested):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(formats.PLAIN_BYTES + 2**20))
        archive.writestr("schema.json", "{}")
    file = crafted(text(1), [("a.npz", bomb.getvalue())]) if nested else bomb.getvalue()
    with pytest.raises(RegistryError, match="would unpack to"):
        formats.load_model(file)


def test_an_honest_model_full_of_zeros_is_no_bomb(monkeypatch):
    monkeypatch.setattr(formats, "PLAIN_BYTES", 1000)
    model = Ridge()
    model.coef_ = np.zeros(200_000)
    assert formats.load_model(formats.dump_model(model)).coef_.shape == (200_000,)


# -- trees


def rewritten(model, change):
    """Return the bytes of `model`, its node arrays changed by `change` as with an editor."""
    source, target = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(content))
                if array.dtype.names:
                    change(array)
                    buffer = io.BytesIO()
                    np.save(buffer, array)
                    content = buffer.getvalue()
            archive.writestr(name, content)
    return target.getvalue()


def put(field, value):
    def change(nodes):
        nodes[field][0] = value

    return change


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", 10**6),
        ("right_child", 10**6),
        ("left_child", -7),
        ("left_child", 0),
        ("right_child", -1),
        ("feature", 10**6),
        ("feature", -5),
        ("feature", 10),
    ],
)
@pytest.mark.parametrize("kind", [DecisionTreeRegressor, RandomForestClassifier, GradientBoostingRegressor])
def test_a_tree_with_an_index_outside_of_it_is_not_loaded(kind, field, value, data):
    numbers, target = number_columns(data)
    options = {} if kind is DecisionTreeRegressor else {"n_estimators": 2}
    model = kind(**options).fit(numbers, (target > 140).astype(int))
    with pytest.raises(RegistryError, match="must not be used"):
        formats.load_model(rewritten(model, put(field, value)))


@pytest.mark.parametrize(("field", "value"), [("left", 10**6), ("right", 0), ("feature_idx", 10**6)])
def test_a_histogram_tree_with_an_index_outside_of_it_is_not_loaded(field, value, data):
    model = HistGradientBoostingRegressor(max_iter=2).fit(*number_columns(data))
    with pytest.raises(RegistryError, match="must not be used"):
        formats.load_model(rewritten(model, put(field, value)))


@pytest.mark.parametrize("features", [2, 1000, None])
@pytest.mark.parametrize("kind", [DecisionTreeRegressor, GradientBoostingRegressor, HistGradientBoostingRegressor])
def test_an_estimator_that_lies_about_its_features_is_not_loaded(kind, features, data):
    model = kind().fit(*number_columns(data))
    vars(model).pop("feature_names_in_")
    if features is None:
        vars(model).pop("n_features_in_")
    else:
        model.n_features_in_ = features
    if kind is HistGradientBoostingRegressor and features == 1000:
        assert formats.load_model(skops.io.dumps(model)).n_features_in_ == 1000  # a wider table is no harm
        return
    with pytest.raises(RegistryError, match="must not be used"):
        formats.load_model(skops.io.dumps(model))


def test_a_tree_without_an_estimator_around_it_is_not_loaded(data):
    model = Ridge()
    model.stray = DecisionTreeRegressor().fit(*number_columns(data)).tree_
    with pytest.raises(RegistryError, match="no estimator around it"):
        formats.load_model(skops.io.dumps(model))


def test_a_histogram_tree_with_parts_missing_is_not_loaded(data):
    model = HistGradientBoostingRegressor(max_iter=1).fit(*number_columns(data))
    del model._predictors[0][0].raw_left_cat_bitsets
    with pytest.raises(RegistryError, match="damaged"):
        formats.load_model(skops.io.dumps(model))
