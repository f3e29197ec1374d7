"""scikit-learn models as ONNX graphs: data for a fixed set of operators, run by ONNX Runtime without scikit-learn.

A graph computes in its own precision, so it predicts what the original does up to rounding; whoever registers one
has that checked on the example.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from trackbook.errors import RegistryError, a
from trackbook.registry.formats.contract import Format, Policy, library_of

ONNX = "onnx"
FEATURES = "features"
OPSETS = {"": 18, "ai.onnx.ml": 3}

_DTYPES: dict[str, Any] = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class OnnxModel:
    """A model that ONNX Runtime runs; frames are read by the names of their columns, arrays by position."""

    def __init__(self, session: Any, features: tuple[str, ...]) -> None:
        """Predict with `session`; `features` are the columns that the model was made for, if they had names."""
        self.session = session
        self.inputs = tuple((each.name, each.type, each.shape) for each in session.get_inputs())
        self.outputs = tuple(each.name for each in session.get_outputs())
        self.n_features_in_ = len(self.inputs) if len(self.inputs) > 1 else _width(self.inputs[0][2])
        if features:
            self.feature_names_in_ = np.asarray(features, dtype=object)

    def predict(self, rows: Any) -> Any:
        """Return one prediction for each of `rows`, a frame or an array of rows and columns."""
        found = self._run(rows)[0]
        return found.ravel() if found.ndim == 2 and found.shape[1] == 1 else found

    def predict_proba(self, rows: Any) -> Any:
        """Return the probabilities of the classes; raises AttributeError when the model is no classifier."""
        if len(self.outputs) < 2:
            raise AttributeError("the model gives no probabilities")
        return self._run(rows)[1]

    def _run(self, rows: Any) -> list[Any]:
        names = getattr(self, "feature_names_in_", None)
        table = rows[list(names)] if names is not None and hasattr(rows, "columns") else rows
        if len(self.inputs) == 1:
            name, kind, _ = self.inputs[0]
            return list(self.session.run(None, {name: np.asarray(table, dtype=_DTYPES[kind])}))
        columns = [table.iloc[:, at] if hasattr(table, "iloc") else table[:, at] for at in range(len(self.inputs))]
        given = {
            name: np.asarray(column, dtype=_DTYPES[kind]).reshape(-1, 1)
            for (name, kind, _), column in zip(self.inputs, columns, strict=True)
        }
        return list(self.session.run(None, given))


def dump(model: Any, policy: Policy, example: Any = None) -> tuple[bytes, OnnxModel]:
    """Return the graph of an estimator of scikit-learn, or of an `onnx.ModelProto`, and what it gives again.

    Raises RegistryError without an example, whose types the graph is made for, and for what ONNX cannot express.
    """
    _libraries()
    if takes(model):
        data = bytes(model.SerializeToString())
        return data, load([data], policy)
    if example is None:
        raise RegistryError(
            "an ONNX graph is made for the types of its input, and none is known: give some rows with `example=`, or "
            "fit the model in a tracked cell"
        )
    reasons = []
    for layout in _layouts(model, example):
        try:
            data = _converted(model, example, layout)
            again = load([data], policy)
        except Exception as error:  # noqa: BLE001 - the next layout, or the error below
            reasons.append(f"{type(error).__name__}: {str(error)[:200]}")
        else:
            return data, again
    raise RegistryError(
        f"ONNX cannot express {a(type(model).__name__)} ({reasons[0]}); leave `format` out to keep it as it is"
    )


def load(pieces: Iterable[bytes], policy: Policy) -> OnnxModel:
    """Build the model; raises RegistryError for a graph that reads other files."""
    onnx, runtime = _libraries()
    data = b"".join(pieces)
    try:
        proto = onnx.load_from_string(data)
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(proto)):
            raise ValueError("it reads files outside of itself")
        properties = {each.key: each.value for each in proto.metadata_props}
        features = json.loads(properties.get(FEATURES, "[]"))
        if not (isinstance(features, list) and all(isinstance(each, str) for each in features)):
            raise ValueError("the names of its features are no names")
        session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
        model = OnnxModel(session, tuple(features))
    except Exception as error:
        raise RegistryError(
            f"the model file is damaged, or no ONNX graph that can be run ({type(error).__name__}: "
            f"{str(error)[:200]}); register the model again from its source"
        ) from error
    return model


def takes(model: Any) -> bool:
    """Say whether `model` is a graph already."""
    return library_of(model) == ONNX and type(model).__name__ == "ModelProto"


def _layouts(model: Any, example: Any) -> list[Any]:
    """Return what the graph's input may look like, the best first: one table of numbers, else a column each.

    scikit-learn's trees compare single numbers, linear models compute with double ones.
    """
    precisions = (np.float32, np.float64) if _has_trees(model) else (np.float64, np.float32)
    if not hasattr(example, "columns"):
        table = np.asarray(example)
        return [table.astype(each) for each in precisions] if table.dtype.kind in "fiub" else [table]
    floats = [name for name, dtype in example.dtypes.items() if getattr(dtype, "kind", "O") == "f"]
    numeric = all(getattr(dtype, "kind", "O") in "fiub" for dtype in example.dtypes)
    tables = [example.to_numpy(each) for each in precisions] if numeric else []
    return [*tables, *(example.astype(dict.fromkeys(floats, each)) for each in precisions)]


def _has_trees(model: Any) -> bool:
    parts = (model, *model.get_params().values()) if hasattr(model, "get_params") else (model,)
    return any(type(part).__module__.startswith(("sklearn.tree", "sklearn.ensemble")) for part in parts)


def _converted(model: Any, example: Any, layout: Any) -> bytes:
    import skl2onnx

    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    graph = skl2onnx.to_onnx(model, layout, target_opset=OPSETS, options=options)
    if hasattr(example, "columns"):
        entry = graph.metadata_props.add()
        entry.key, entry.value = FEATURES, json.dumps([str(name) for name in example.columns])
    return bytes(graph.SerializeToString())


def _tensors(proto: Any) -> Iterator[Any]:
    """Yield all tensors of a graph, at any depth."""
    graphs, nodes = [proto.graph], [node for function in proto.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes += graph.node
        else:
            for attribute in nodes.pop().attribute:
                yield from (attribute.t, *attribute.tensors)
                graphs += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _width(shape: Any) -> int:
    return int(shape[1]) if len(shape) > 1 and isinstance(shape[1], int) else 1


def _libraries() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
        import skl2onnx  # noqa: F401 - all three come with the extra
    except ImportError as error:
        raise RegistryError(
            "ONNX models need libraries that are not installed; run `pip install 'trackbook[onnx]'`"
        ) from error
    return onnx, onnxruntime


FORMAT = Format(
    ONNX, suffix=".onnx", libraries=("onnxruntime", "skl2onnx"), takes=takes, dump=dump, load=load, exact=False
)
