"""Crafted files under every format's name: whatever is asked about them, nothing in them runs, and loading refuses."""

import io
import json
import os
import pickle
import sys
import tarfile
import zipfile

import msgspec
import pytest

from trackbook.errors import RegistryError, TrackbookError
from trackbook.registry.formats import bundle, lightgbm, table, xgboost
from trackbook.registry.sharing import SharedVersion


class Gadget:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("fired",)


def skops_file():
    schema = {
        "__loader__": "ConstructorFromReduceNode",
        "__module__": "os",
        "__class__": "mkdir",
        "protocol": 2,
        "_skops_version": "0.16",
        "content": {
            "__loader__": "TupleNode",
            "__module__": "builtins",
            "__class__": "tuple",
            "content": [
                {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps("fired")}
            ],
        },
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        archive.writestr("content.pkl", pickle.dumps(Gadget()))
    return buffer.getvalue()


def torch_file():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Gadget()))
        archive.writestr("archive/version", "3")
    return buffer.getvalue()


def folder_of(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


FILES = {
    "pickle": pickle.dumps(Gadget()),
    "skops": skops_file(),
    "torch": torch_file(),
    "opaque": folder_of("../fired", b""),
    "class": bundle.pack(bundle.Header("os.mkdir", {"path": "fired"}), xgboost.FILE, b"{}"),
    "text": bundle.pack(bundle.Header("Booster"), lightgbm.FILE, b"tree\nversion=v4\n"),
    "script": b"import os; os.mkdir('fired')",
    "module": b"turtledemo.clock",
}


@pytest.fixture
def forged(registry, store, tmp_path, monkeypatch):
    """Every file registered under every format, as a version that came from another store."""
    monkeypatch.chdir(tmp_path)
    number = 0
    for name, data in FILES.items():
        digest = store.objects.put(data)
        for format in (*table.FORMATS, "keras", "__import__('os').mkdir('fired')"):
            number += 1
            registry.adopt(
                SharedVersion(
                    event=f"{number:064x}",
                    name=name,
                    version=1,
                    digest=digest,
                    format=format,
                    size=len(data),
                    run_id=None,
                    params={},
                    metrics={"r2": 1.0},
                    signature={"inputs": [{"evil": 1}], "outputs": 3},
                    environment=None,
                    description="<script>",
                    created_time=1,
                    created_by="eve",
                    example=digest,
                )
            )
    return registry


def test_nothing_fires_when_models_are_listed_shown_compared_or_checked(forged, tmp_path):
    before = set(sys.modules)
    for model in forged.models():
        json.dumps(model.to_dict(), allow_nan=False)
        for version in model.versions:
            card = forged.card(model.name, version.version)
            assert card.to_markdown()
            assert card.to_html()
            assert forged.lineage(model.name, version.version)
            assert forged.compare(model.name, version.version, 1)
        forged.check(model.name, 1, "staging")
        assert forged.verify_models(model.name) == ()
        forged.promote(model.name, 1, "staging")
    assert forged.summaries()
    assert forged.verify().ok
    assert forged.shared()
    assert not (tmp_path / "fired").exists()
    assert not {"xgboost", "lightgbm", "torch", "onnxruntime", "turtledemo"} & (set(sys.modules) - before)


def test_nothing_fires_when_they_are_loaded_and_every_one_is_refused(forged, tmp_path, store):
    for model in forged.models():
        for version in model.versions:
            if version.format in ("torch", "onnx") and not _installed(version.format):
                continue
            with pytest.raises(RegistryError):
                forged.load(version.uri)
            with pytest.raises(TrackbookError):
                forged.example(model.name, version.version)
    assert not (tmp_path / "fired").exists()
    assert not (tmp_path.parent / "fired").exists()
    restored = store.root / "restored"
    assert not restored.exists() or list(restored.iterdir()) == []


def test_a_gadget_inside_a_folder_is_only_a_file(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pkl").write_bytes(FILES["pickle"])
    version = registry.register(tmp_path / "model.pkl", "m")
    assert not version.dangerous
    assert registry.load("models:/m/1").read_bytes() == FILES["pickle"]
    assert not (tmp_path / "fired").exists()


def test_a_forged_signature_or_example_is_an_error_and_no_crash(registry, store, ridge, diabetes):
    version = registry.register(ridge, "m")
    (shared,) = registry.shared()
    registry.adopt(msgspec.structs.replace(shared, event="1" * 64, signature={"inputs": [{"name": {}, "shape": "x"}]}))
    assert version.digest == registry.version("m", 2).digest
    assert len(registry.load("models:/m/2").predict(diabetes[0])) == len(diabetes[0])


def _installed(format):
    from importlib.util import find_spec

    return all(
        find_spec(name)
        for name in {"torch": ["torch", "safetensors"], "onnx": ["onnx", "onnxruntime", "skl2onnx"]}[format]
    )
