"""Two records of one program compared: what counts as the same, what differs, and in which words."""

import io

import msgspec
import numpy
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trackbook.tracking.reproduction.outcomes import Comparer
from trackbook.tracking.values import Artifact, Run, RunData, RunError, RunSummary

CONTENTS: dict[str, bytes] = {}


def digest_of(content):
    digest = blake3(content).hexdigest()
    CONTENTS[digest] = content
    return digest


def run(*, params=None, metrics=None, status="FINISHED", **fields):
    summary = RunSummary("0" * 32, "e", "n", status, 0, 1, params or {}, metrics or {}, {}, "cell")
    empty = dict.fromkeys(("source", "notebook", "cell_id", "execution_count", "git_commit", "git_branch"))
    empty |= {
        "environment_digest": None,
        "environment": None,
        "error": None,
        "data": (),
        "artifacts": (),
        "children": (),
    }
    return Run(summary=summary, user="u", **(empty | fields))


def artifact(path, content):
    return Artifact(path, digest_of(content), len(content), "x")


def data(name, content="x", role="written", kind="frame", **fields):
    digest = None if content is None else digest_of(content.encode())
    return msgspec.structs.replace(RunData(role, name, kind, digest, None, None, None, None), **fields)


def compare(first, second, clocks=frozenset(), original=str):
    return Comparer(lambda digest, path: CONTENTS.get(digest), original, clocks).compare(first, second)


def differences(first, second, **options):
    found = compare(first, second, **options).differences
    return [(each.what, each.name, each.original, each.repeated) for each in found]


def test_a_record_is_like_itself():
    one = run(
        params={"depth": "3"},
        metrics={"r2": 0.5, "nan": float("nan"), "inf": float("inf")},
        data=(data("df"), data("/a.csv", kind="file")),
        artifacts=(artifact("outputs/stdout.txt", b"hello"),),
        error=RunError("E", "m", ""),
    )
    found = compare(one, one)
    assert (found.differences, found.compared, found.notes) == ((), 8, ())


@given(st.floats(-1e300, 1e300), st.floats(-1e-10, 1e-10))
def test_metrics_agree_within_a_relative_tolerance(value, error):
    assert differences(run(metrics={"m": value}), run(metrics={"m": value * (1 + error)})) == []


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0001), (1.0, float("nan")), (float("inf"), float("-inf")), (0.0, 1e-3)])
def test_metrics_that_are_apart_differ(a, b):
    assert differences(run(metrics={"m": a}), run(metrics={"m": b})) == [("metric", "m", repr(a), repr(b))]


def test_numbers_that_agree_but_for_the_last_digit_are_told():
    found = compare(run(metrics={"m": 1.0}), run(metrics={"m": 1.0 + 1e-12}))
    assert (found.differences, found.notes) == ((), ("1 of the numbers agree within 1e-9, not to the last digit",))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [("0.1", "0.10000000000000001", True), ("1e-3", "0.001", True), ("3", "4", False), ("rbf", "linear", False)],
)
def test_params_are_texts_whose_numbers_have_a_tolerance(a, b, same):
    assert (differences(run(params={"p": a}), run(params={"p": b})) == []) is same


def test_what_is_missing_on_one_side_differs():
    assert differences(run(params={"a": "1"}, metrics={"m": 1.0}), run(params={"b": "1"})) == [
        ("param", "a", "1", None),
        ("param", "b", None, "1"),
        ("metric", "m", "1.0", None),
    ]


@pytest.mark.parametrize("name", ["fit_time", "train.seconds", "elapsed", "Ridge.fit_seconds", "mine"])
def test_times_are_not_judged(name):
    first, second = run(metrics={name: 1.0}), run(metrics={name: 2.0})
    found = compare(first, second, clocks=frozenset({"mine"}))
    assert (found.differences, found.notes) == ((), (f"times are not judged: {name}",))


def test_a_changed_column_is_named():
    first = run(data=(data("df", "1", columns={"a": "x", "b": "y", "c": "z"}, rows=2),))
    second = run(data=(data("df", "2", columns={"a": "x", "b": "other", "d": "z"}, rows=3),))
    (found,) = compare(first, second).differences
    words = "written: 2 rows, then 3; other content in column 'b'; no more column 'c'; new column 'd'"
    assert (found.what, found.name, found.detail) == ("data", "df", words)


def test_columns_of_times_are_not_judged():
    first = run(data=(data("df", "1", columns={"mean_fit_time": "x", "b": "y"}),))
    second = run(data=(data("df", "2", columns={"mean_fit_time": "z", "b": "y"}),))
    third = run(data=(data("df", "3", columns={"mean_fit_time": "z", "b": "z"}),))
    assert compare(first, second).differences == ()
    assert compare(first, third).differences[0].detail == "written: other content in column 'mean_fit_time', 'b'"


def test_what_went_in_comes_before_what_came_out():
    first = run(metrics={"m": 1.0}, data=(data("out", "1"), data("in", "1", role="read")))
    second = run(metrics={"m": 2.0}, data=(data("out", "2"), data("in", "2", role="read")))
    assert [name for _, name, _, _ in differences(first, second)] == ["in", "m", "out"]


def test_what_has_no_fingerprint_is_a_note():
    first, second = run(data=(data("x", None, reason="too large"),)), run(data=(data("x"),))
    assert compare(first, second).notes == ("x (frame) was not compared: too large",)


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        (b"took 1.2 s\n<A object at 0x7f01>", b"took 3 s\n<A object at 0x7f99>", []),
        (b"loss 0.1234567\n", b"loss 0.12345671\n", []),
        (b"a\nb\n", b"a\nc\n", [("output", "stdout.txt", "line 2: b", "line 2: c")]),
        (b"a\n", b"a\nb\n", [("output", "stdout.txt", "1 lines", "2 lines")]),
        (b"in /home/me/x", b"in /mirror/home/me/x", []),
    ],
)
def test_printed_lines(a, b, found):
    first, second = (run(artifacts=(artifact("outputs/stdout.txt", content),)) for content in (a, b))
    assert differences(first, second, original=lambda text: text.replace("/mirror", "")) == found


def test_what_goes_to_stderr_is_not_judged():
    first, second = run(artifacts=(artifact("outputs/stderr.txt", b"a"),)), run()
    assert compare(first, second).differences == ()


def picture(*, shift=0, size=(40, 30)):
    pixels = numpy.zeros((size[1], size[0], 3), "uint8")
    pixels[10:20, 10 + shift : 20 + shift] = 200
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png", compress_level=9 if shift else 1)
    return stream.getvalue()


def test_a_picture_is_what_it_shows():
    again = io.BytesIO()
    Image.open(io.BytesIO(picture())).save(again, "png", compress_level=9)
    assert again.getvalue() != picture()
    first, same, moved, smaller = (
        run(artifacts=(artifact("outputs/figure-1.png", content),))
        for content in (picture(), again.getvalue(), picture(shift=5), picture(size=(39, 30)))
    )
    found = compare(first, same)
    assert (found.differences, found.notes) == ((), ("figure-1.png has other bytes and shows the same",))
    assert compare(first, moved).differences[0].detail == "another picture: 8.3% of the pixels differ"
    assert compare(first, smaller).differences[0].detail == "40 × 30 pixels, then 39 × 30"


def test_files_that_hold_the_time_are_not_judged():
    first, second = (run(data=(data("/o.xlsx", content, kind="file"),)) for content in "12")
    found = compare(first, second)
    assert (found.differences, found.notes) == (
        (),
        ("/o.xlsx has other bytes, as every .xlsx file has that is made anew: it is not judged",),
    )


def test_the_same_exception_is_no_difference():
    first = run(status="FAILED", error=RunError("KeyError", "no 'x' in <A object at 0x12>", "long"))
    second = run(status="FAILED", error=RunError("KeyError", "no 'x' in <A object at 0x99>", "other"))
    third = run(status="FAILED", error=RunError("ValueError", "no", ""))
    assert differences(first, second) == []
    assert differences(first, third) == [
        ("error", "exception", "KeyError: no 'x' in <A object at 0x12>", "ValueError: no")
    ]
    assert differences(run(), third) == [("error", "exception", None, "ValueError: no")]


def test_child_runs_are_compared_pair_by_pair():
    comparer = Comparer(lambda digest, path: None, str)
    first, second = [run(metrics={"m": 1.0})] * 2, [run(metrics={"m": 1.0}), run(metrics={"m": 2.0})]
    found = comparer.compare(run(), run(), (first, second)).differences
    assert [(each.name, each.repeated) for each in found] == [("m of child run 2", "2.0")]
    assert comparer.compare(run(), run(), (first, [])).differences[0].name == "number of child runs"
