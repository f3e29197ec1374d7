"""Models of XGBoost, LightGBM and PyTorch, and ONNX graphs: kept in their own formats, checked before they are used."""

import io
import json
import pickle
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from trackbook.errors import DataError, RegistryError, UsageError
from trackbook.registry.formats import bundle, lightgbm, onnx, table, torch, xgboost
from trackbook.registry.formats.contract import Policy

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def policy(tmp_path):
    return Policy(tmp_path / "restored")


@pytest.fixture(scope="module")
def data(diabetes):
    frame, target = diabetes
    groups = pd.Categorical(np.random.default_rng(0).choice(list("abcdefgh"), len(frame)))
    other = pd.Categorical(np.random.default_rng(1).choice(list("xyz"), len(frame)))
    return frame.assign(group=groups, other=other), target


def kept(format, model, policy, example=None):
    return format.load([format.dump(model, policy, example)[0]], policy)


def changed(data, name, change):
    """Return a bundle whose model file was changed by `change`, as with an editor."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        header, text = archive.read(bundle.HEADER), archive.read(name).decode()
    return bundle.pack(bundle.msgspec.json.decode(header, type=bundle.Header), name, change(text).encode())


# -- XGBoost


@pytest.fixture(scope="module")
def xgb():
    return pytest.importorskip("xgboost", reason="the extra `xgboost` is not installed")


def test_xgboost_estimators_come_back_with_their_parameters_and_predictions(xgb, data, policy):
    frame, target = data
    model = xgb.XGBClassifier(n_estimators=4, max_depth=3, enable_categorical=True, max_cat_to_onehot=2)
    model.fit(frame, (target // 120).astype(int))
    assert table.choose(model).name == "xgboost"
    loaded = kept(xgboost.FORMAT, model, policy)
    assert isinstance(loaded, xgb.XGBClassifier)
    assert np.array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
    assert str(loaded.get_params()) == str(model.get_params())
    assert xgboost.FORMAT.dump(loaded, policy)[0] == xgboost.FORMAT.dump(model, policy)[0]


@pytest.mark.parametrize("booster", ["gbtree", "gblinear", "dart"])
def test_boosters_come_back_with_their_predictions(xgb, booster, diabetes, policy):
    table_ = xgb.DMatrix(*diabetes)
    model = xgb.train({"booster": booster}, table_, 3)
    assert np.array_equal(kept(xgboost.FORMAT, model, policy).predict(table_), model.predict(table_))


def test_what_is_no_plain_parameter_is_named(xgb, diabetes, policy):
    model = xgb.XGBRegressor(n_estimators=1, objective=lambda y, p: (p - y, np.ones_like(p))).fit(*diabetes)
    with pytest.raises(RegistryError, match=r"XGBRegressor\.objective is a function"):
        xgboost.FORMAT.dump(model, policy)


TREE = ["learner", "gradient_booster", "model", "trees", 0]
XGBOOST_EDITS = {
    "child beyond": (TREE, "left_children", 0, 10**6),
    "child before": (TREE, "left_children", 0, -7),
    "child of itself": (TREE, "right_children", 0, 0),
    "feature beyond": (TREE, "split_indices", 0, 10**6),
    "feature before": (TREE, "split_indices", 0, -2),
    "fewer features": (["learner"], "learner_model_param", "num_feature", "2"),
    "more nodes": (TREE, "tree_param", "num_nodes", "100000"),
    "group beyond": (TREE[:-2], "tree_info", 0, 10**6),
    "more trees": (TREE[:-2], "gbtree_model_param", "num_trees", "9"),
    "iterations": (TREE[:-2], "iteration_indptr", 1, 10**6),
    "set of categories": (TREE, "categories_segments", 0, 10**6),
    "owner of a set": (TREE, "categories_nodes", 0, 10**6),
    "category": (TREE, "categories", 0, -5),
    "table of categories": ([*TREE[:-2], "cats"], "feature_segments", -1, 10**6),
    "order of categories": ([*TREE[:-2], "cats"], "sorted_idx", 0, 10**6),
    "kind of booster": (["learner"], "gradient_booster", "name", "evil"),
    "text for a number": (TREE, "left_children", 0, "1"),
}


@pytest.fixture(scope="module")
def xgboost_bytes(xgb, data, tmp_path_factory):
    frame, _ = data
    columns = ["group", "other", "bmi"]
    model = xgb.XGBRegressor(n_estimators=2, max_depth=3, enable_categorical=True, max_cat_to_onehot=1)
    effect = frame["group"].cat.codes % 3 * 100.0
    return xgboost.FORMAT.dump(model.fit(frame[columns], effect), Policy(tmp_path_factory.mktemp("x")))[0]


@pytest.mark.parametrize("name", XGBOOST_EDITS)
def test_an_xgboost_model_that_was_edited_is_not_built(name, xgboost_bytes, policy):
    path, field, place, value = XGBOOST_EDITS[name]

    def change(text):
        model = part = json.loads(text)
        for key in path:
            part = part[key]
        part[field][place] = value
        return json.dumps(model)

    with pytest.raises(RegistryError, match="damaged or crafted"):
        xgboost.FORMAT.load([changed(xgboost_bytes, xgboost.FILE, change)], policy)


def test_a_bundle_of_another_class_is_not_built(policy):
    crafted = bundle.pack(bundle.Header("os.system", {"command": "touch fired"}), xgboost.FILE, b"{}")
    with pytest.raises(RegistryError, match="not one of"):
        xgboost.FORMAT.load([crafted], policy)


# -- LightGBM


@pytest.fixture(scope="module")
def lgb():
    return pytest.importorskip("lightgbm", reason="the extra `lightgbm` is not installed")


@pytest.mark.parametrize("labels", [["low", "middle", "high"], [10, 20, 30], [0, 1]])
def test_lightgbm_classifiers_come_back_with_their_classes(lgb, labels, data, policy):
    frame, target = data
    wanted = np.asarray(labels)[np.minimum(target // 120, len(labels) - 1).astype(int)]
    model = lgb.LGBMClassifier(n_estimators=4, num_leaves=5, verbose=-1, n_jobs=1).fit(frame, wanted)
    assert table.choose(model).name == "lightgbm"
    loaded = kept(lightgbm.FORMAT, model, policy)
    assert isinstance(loaded, lgb.LGBMClassifier)
    assert np.array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
    assert np.array_equal(loaded.predict(frame), model.predict(frame))
    assert loaded.get_params() == model.get_params()
    assert loaded.feature_name_ == model.feature_name_


def test_lightgbm_regressors_and_boosters_come_back_with_their_predictions(lgb, data, policy):
    frame, target = data
    model = lgb.LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1).fit(frame, target)
    for each in (model, model.booster_):
        assert np.array_equal(kept(lightgbm.FORMAT, each, policy).predict(frame), each.predict(frame))


@pytest.fixture(scope="module")
def lightgbm_bytes(lgb, data, tmp_path_factory):
    frame, _ = data
    options = {"n_estimators": 2, "num_leaves": 5, "verbose": -1, "n_jobs": 1, "cat_smooth": 0, "min_data_per_group": 1}
    effect = frame["group"].cat.codes % 3 * 100.0 + frame["bmi"]
    model = lgb.LGBMRegressor(**options, max_cat_to_onehot=1).fit(frame[["group", "bmi"]], effect)
    return lightgbm.FORMAT.dump(model, Policy(tmp_path_factory.mktemp("l")))[0]


def first_of(name, value):
    return lambda text: re.sub(rf"(?m)^{name}=[^ \n]+", f"{name}={value}", text, count=1)


LIGHTGBM_EDITS = {
    "child beyond": first_of("left_child", 10**6),
    "leaf beyond": first_of("left_child", -(10**6)),
    "child of itself": first_of("right_child", 0),
    "feature beyond": first_of("split_feature", 10**6),
    "fewer features": first_of("max_feature_idx", 0),
    "more leaves": first_of("num_leaves", 900),
    "set of categories": first_of("threshold", 10**6),
    "bounds of sets": first_of("cat_boundaries", 7),
    "linear": first_of("is_linear", 1),
    "size of a tree": first_of("tree_sizes", 3),
    "no end": lambda text: text.replace("end of trees", ""),
    "a line twice": lambda text: text.replace("num_cat=", "num_leaves=5\nnum_cat=", 1),
    "cut": lambda text: text.partition("leaf_value")[0],
    "no number": first_of("leaf_value", "x"),
    "no classes": first_of("num_tree_per_iteration", 0),
}


@pytest.mark.parametrize("name", LIGHTGBM_EDITS)
def test_a_lightgbm_model_that_was_edited_is_not_built(name, lightgbm_bytes, policy):
    def change(text):
        edited = LIGHTGBM_EDITS[name](text)
        assert edited != text
        if name == "size of a tree":
            return edited
        sizes = [len(block.encode()) for block in re.findall(r"Tree=.*?(?=\nTree=|\nend of trees|\Z)", edited, re.S)]
        return re.sub(r"(?m)^tree_sizes=.*", "tree_sizes=" + " ".join(str(size + 1) for size in sizes), edited)

    with pytest.raises(RegistryError, match=r"damaged or crafted|linear_tree=False"):
        lightgbm.FORMAT.load([changed(lightgbm_bytes, lightgbm.FILE, change)], policy)


# -- PyTorch


@pytest.fixture(scope="module")
def nn():
    pytest.importorskip("safetensors.torch", reason="the extra `torch` is not installed")
    return pytest.importorskip("torch", reason="the extra `torch` is not installed").nn


def test_the_state_of_a_module_comes_back_and_fills_a_new_one(nn, policy):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    assert table.choose(model).name == table.choose(model.state_dict()).name == "torch"
    state = kept(torch.FORMAT, model, policy)
    assert {name: value.tolist() for name, value in state.items()} == {
        name: value.tolist() for name, value in model.state_dict().items()
    }
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    assert torch.fill(other, state)[0].weight.tolist() == model[0].weight.tolist()
    with pytest.raises(RegistryError, match="does not fit into the Linear"):
        torch.fill(nn.Linear(2, 2), state)


def test_tied_weights_are_kept_and_pickles_are_not_read(nn, policy):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert kept(torch.FORMAT, model, policy)["1.weight"].tolist() == model[0].weight.tolist()
    with pytest.raises(RegistryError, match="no safetensors file"):
        torch.FORMAT.load([pickle.dumps({})], policy)
    with pytest.raises(RegistryError, match="state 'x' is an int, not a tensor"):
        torch.FORMAT.dump({**model.state_dict(), "x": 1}, policy)


# -- ONNX


@pytest.fixture(scope="module")
def graphs():
    for name in ("onnx", "onnxruntime", "skl2onnx"):
        pytest.importorskip(name, reason="the extra `onnx` is not installed")


ESTIMATORS = {
    "ridge": lambda: Ridge(),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=5),
    "forest": lambda: RandomForestClassifier(5, random_state=0),
    "scaled": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_becomes_a_graph_that_predicts_the_same_up_to_rounding(name, graphs, diabetes, policy):
    frame, target = diabetes
    model = ESTIMATORS[name]()
    model.fit(frame, (target > 140).astype(int) if hasattr(model, "predict_proba") else target)
    loaded = kept(onnx.FORMAT, model, policy, frame.head(5))
    assert np.allclose(loaded.predict(frame.head(50)[frame.columns[::-1]]), model.predict(frame.head(50)), rtol=1e-4)
    if hasattr(model, "predict_proba"):
        assert np.allclose(loaded.predict_proba(frame), model.predict_proba(frame), atol=1e-4)
    else:
        with pytest.raises(AttributeError, match="no probabilities"):
            loaded.predict_proba(frame)


def test_a_pipeline_over_text_and_numbers_becomes_a_graph(graphs, diabetes, policy):
    frame, target = diabetes
    frame = frame.assign(group=np.where(frame["age"] > 0, "old", "young"))[["group", "bmi"]]
    columns = make_column_transformer((OneHotEncoder(), ["group"]), (StandardScaler(), ["bmi"]))
    model = make_pipeline(columns, LogisticRegression()).fit(frame, np.where(target > 140, "ill", "well"))
    loaded = kept(onnx.FORMAT, model, policy, frame.head(5))
    assert loaded.predict(frame).tolist() == model.predict(frame).tolist()


def test_a_graph_without_an_example_or_with_files_outside_is_refused(graphs, diabetes, policy):
    import onnx as library

    frame, target = diabetes
    model = Ridge().fit(frame, target)
    with pytest.raises(RegistryError, match="give some rows with `example=`"):
        onnx.FORMAT.dump(model, policy)
    proto = library.load_from_string(onnx.FORMAT.dump(model, policy, frame.head(2))[0])
    tensor = proto.graph.initializer[0]
    tensor.data_location = library.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    with pytest.raises(RegistryError, match="files outside of itself"):
        onnx.FORMAT.load([proto.SerializeToString()], policy)


# -- in the registry


def test_models_of_libraries_are_registered_in_their_format_and_checked_at_the_call(xgb, lgb, registry, data):
    frame, target = data
    models = {
        "xgboost": xgb.XGBRegressor(n_estimators=2, enable_categorical=True),
        "lightgbm": lgb.LGBMRegressor(n_estimators=2, verbose=-1, n_jobs=1),
    }
    for name, model in models.items():
        model.fit(frame, target)
        version = registry.register(model, name, example=frame.head(20))
        assert (version.format, version.libraries.keys() >= {name}) == (name, True)
        assert version.signature["inputs"][-1] == {"name": "other", "type": "category"}
        assert version.signature["outputs"][0]["name"] is None
        assert registry.example(name, 1)["other"].cat.categories.tolist() == ["x", "y", "z"]
        loaded = registry.load(f"models:/{name}/1")
        assert np.array_equal(loaded.predict(frame), model.predict(frame))
        with pytest.raises(DataError, match="column 'group' is float, and models:"):
            loaded.predict(frame.assign(group=1.0))


def test_a_booster_has_its_features_for_a_signature(xgb, registry, diabetes):
    booster = xgb.train({}, xgb.DMatrix(*diabetes), 1)
    signature = registry.register(booster, "risk").signature
    assert signature["inputs"][0] == {"name": "age", "type": None}
    loaded = registry.load("models:/risk/1")
    assert np.array_equal(loaded.predict(xgb.DMatrix(diabetes[0])), booster.predict(xgb.DMatrix(diabetes[0])))


def test_the_state_of_a_module_is_loaded_into_one_that_is_given(nn, registry, ridge):
    model = nn.Linear(3, 1)
    assert registry.register(model, "net").format == "torch"
    assert set(registry.load("models:/net/1")) == {"weight", "bias"}
    assert registry.load("models:/net/1", into=nn.Linear(3, 1)).weight.tolist() == model.weight.tolist()
    registry.register(ridge, "risk")
    with pytest.raises(UsageError, match="`into` is for PyTorch's modules"):
        registry.load("models:/risk/1", into=nn.Linear(3, 1))


def test_a_graph_is_registered_when_it_predicts_the_example_alike(graphs, registry, diabetes, monkeypatch):
    frame, target = diabetes
    model = Ridge().fit(frame, target)
    assert registry.register(model, "risk", format="onnx", example=frame).format == "onnx"
    loaded = registry.load("models:/risk/1")
    assert np.allclose(loaded.predict(frame), model.predict(frame))
    with pytest.raises(DataError, match="column 'bmi'"):
        loaded.predict(frame.drop(columns="bmi"))
    monkeypatch.setattr(onnx.OnnxModel, "predict", lambda self, rows: self._run(rows)[0].ravel() + 1)
    with pytest.raises(RegistryError, match="does not predict the same"):
        registry.register(model, "risk", format="onnx", example=frame)
