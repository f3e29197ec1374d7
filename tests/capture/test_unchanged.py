"""Unchanged data: its fingerprint is held, and no write escapes, whoever makes it."""

import ctypes
import io
import mmap
import os
import subprocess
import sys
import threading
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from trackbook.capture.fingerprint import unchanged, watch
from trackbook.capture.fingerprint.unchanged import Unchanged
from trackbook.capture.fingerprint.values import Fingerprinter, fingerprint

ROWS = 150_000
watched = pytest.mark.skipif(unchanged.unavailable() is not None, reason=f"{unchanged.unavailable()}")
libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture(params=["fast", "strict"])
def memo(request, monkeypatch):
    found = unchanged.memo()
    found.forget()
    if request.param == "strict":
        monkeypatch.setattr(found._watch, "_reports_dropped", False)
    elif not found._watch._reports_dropped:
        pytest.skip("this kernel has no fast path that reports dropped pages")
    return found


@pytest.fixture
def of():
    return Fingerprinter().of


def made_array():
    return np.random.default_rng(0).random(ROWS)


def hits(memo, of, value):
    """Return how many columns of `value` are not hashed when it is looked at once more."""
    of(value)
    before = memo.hits
    assert of(value) == fingerprint(value)
    return memo.hits - before


VALUES = {
    "array": made_array,
    "matrix": lambda: made_array().reshape(-1, 5),
    "fortran matrix": lambda: np.asfortranarray(made_array().reshape(-1, 5)),
    "strided": lambda: made_array()[::2],
    "reversed": lambda: made_array()[::-1],
    "integers": lambda: np.arange(ROWS),
    "times": lambda: np.arange(ROWS).astype("M8[us]"),
    "series": lambda: pd.Series(made_array(), name="x"),
    "index": lambda: pd.Index(made_array()),
    "zoned": lambda: pd.Series(pd.date_range("2024", periods=ROWS, tz="UTC", freq="s")),
    "nullable": lambda: pd.Series(np.arange(ROWS)).astype("Int64"),
    "categories": lambda: pd.Series(pd.Categorical.from_codes(np.arange(5 * ROWS) % 7, list("abcdefg"))),
    "str": lambda: pd.Series([f"word {number}" for number in range(ROWS)], dtype="str"),
    "objects": lambda: pd.Series([f"word {number}" for number in range(ROWS)], dtype=object),
    "arrow": lambda: pa.array(made_array()),
    "arrow table": lambda: pa.table({"x": made_array()}),
    "bytearray": lambda: pa.Array.from_buffers(pa.int64(), ROWS, [None, pa.py_buffer(bytearray(8 * ROWS))]),
}


@watched
@pytest.mark.parametrize("kind", VALUES)
def test_unchanged_data_is_not_hashed_again(memo, of, kind):
    assert hits(memo, of, VALUES[kind]()) == 1


@watched
def test_every_large_column_is_held_and_a_container_finds_what_it_holds(memo, of):
    frame = pd.DataFrame({"a": made_array(), "b": np.arange(ROWS), "c": [f"{number}" for number in range(ROWS)]})
    assert hits(memo, of, frame) == 3
    assert hits(memo, of, {"train": [frame]}) == 3
    matrix = sparse.csr_matrix(made_array().reshape(-1, 100))
    assert hits(memo, of, matrix) >= 1


@watched
def test_only_the_column_that_changed_is_hashed_again(memo, of):
    frame = pd.DataFrame({"a": made_array(), "b": made_array() + 1})
    hits(memo, of, frame)
    frame.loc[7, "a"] = 5.0
    before = memo.hits
    assert of(frame) == fingerprint(frame)
    assert memo.hits - before == 1


# -- writes


def write_item(array):
    array[ROWS // 2] = 7.0


def write_first(array):
    array[0] = 7.0


def write_last(array):
    array[-1] = 7.0


def write_through_out(array):
    np.add(array, 1.0, out=array)


def write_through_a_view(array):
    view = array.reshape(-1, 5).T[2]
    view[3] = 7.0


def write_with_memset(array):
    ctypes.memset(array.ctypes.data + 40_000, 1, 8)


def write_with_memmove(array):
    ctypes.memmove(array.ctypes.data + 40_001, b"abc", 3)


def write_through_a_memoryview(array):
    memoryview(array).cast("B")[50_000] = 77


def write_by_readinto(array):
    io.BytesIO(b"x" * 64).readinto(memoryview(array).cast("B")[60_000:60_064])


def write_by_the_kernel_reading_a_pipe(array):
    read, write = os.pipe()
    os.write(write, b"y" * 64)
    assert os.readv(read, [memoryview(array).cast("B")[70_000:70_064]]) == 64
    os.close(read)
    os.close(write)


def write_by_the_kernel_reading_a_file(array):
    with Path("/dev/urandom").open("rb", buffering=0) as file:
        assert file.readinto(memoryview(array).cast("B")[80_000:80_128]) == 128


def write_through_proc_mem(array):
    with Path("/proc/self/mem").open("r+b", buffering=0) as file:
        file.seek(array.ctypes.data + 90_000)
        file.write(b"zzzz")


def write_by_process_vm_writev(array):
    class Piece(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    source = ctypes.create_string_buffer(b"q" * 32)
    here, there = Piece(ctypes.addressof(source), 32), Piece(array.ctypes.data + 100_000, 32)
    assert libc.process_vm_writev(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 32


def write_in_a_thread(array):
    thread = threading.Thread(target=write_item, args=(array,))
    thread.start()
    thread.join()


def write_by_dropping_the_pages(array):
    page = mmap.PAGESIZE
    start = -(-array.ctypes.data // page) * page
    assert libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(8 * page), 4) == 0


def write_by_dropping_all_pages(array):
    page = mmap.PAGESIZE
    start, end = -(-array.ctypes.data // page) * page, (array.ctypes.data + array.nbytes) // page * page
    assert libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 4) == 0


def write_by_dropping_huge_pages(array):
    start = -(-array.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
    libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(mmap.PAGESIZE * 200), 14)
    assert libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(mmap.PAGESIZE * 100), 8) == 0
    assert libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(mmap.PAGESIZE * 100), 4) == 0


def write_in_place_by_sorting(array):
    array[::-1].sort()


def write_through_arrow(array):
    shared = pa.array(array)
    np.frombuffer((ctypes.c_char * array.nbytes).from_address(shared.buffers()[1].address), float)[9] = 7.0


def write_after_a_fork(array):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    write_item(array)


def write_while_protected(array):
    page = mmap.PAGESIZE
    start = -(-array.ctypes.data // page) * page
    for rights in (1, 3):
        assert libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(8 * page), rights) == 0
    ctypes.memset(start, 3, 8)


WRITES = {name: function for name, function in list(globals().items()) if name.startswith("write_")}


@watched
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_no_write_into_an_array_escapes(memo, of, write):
    array = made_array()
    assert hits(memo, of, array) == 1
    before = of(array)
    write(array)
    after = of(array)
    assert after == fingerprint(array)
    assert after != before


def frame_and_array():
    array = made_array()
    return pd.DataFrame(array.reshape(-1, 3), copy=False), array


def write_values(frame, array):
    values = frame.values
    values.flags.writeable = True
    values[5, 1] = 7.0


def write_private_array(frame, array):
    frame[1].array._ndarray[5] = 7.0


def write_numpy_underneath(frame, array):
    array[5] = 7.0


def write_by_scaling_in_place(frame, array):
    StandardScaler(copy=False).fit_transform(array.reshape(-1, 3))


def write_by_at(frame, array):
    frame.iat[5, 1] = 7.0


@watched
@pytest.mark.parametrize(
    "write",
    [write_values, write_private_array, write_numpy_underneath, write_by_scaling_in_place, write_by_at],
    ids=lambda write: write.__name__,
)
def test_no_write_into_a_frame_escapes(memo, of, write):
    frame, array = frame_and_array()
    assert hits(memo, of, frame) == 3
    before = of(frame)
    write(frame, array)
    assert of(frame) == fingerprint(frame) != before


@watched
def test_writes_into_arrow_buffers_are_seen(memo, of):
    raw = bytearray(8 * ROWS)
    array = pa.Array.from_buffers(pa.int64(), ROWS, [None, pa.py_buffer(raw)])
    assert hits(memo, of, array) == 1
    before = of(array)
    raw[40_000] = 1
    assert of(array) == fingerprint(array) != before
    text = pd.Series([f"word {number}" for number in range(ROWS)], dtype="str")
    assert hits(memo, of, text) == 1
    before = of(text)
    ctypes.memset(pa.array(text.array).buffers()[2].address + 50_000, ord("x"), 1)
    assert of(text) == fingerprint(text) != before


@watched
def test_objects_are_held_only_where_nothing_but_the_column_can_change_them(memo, of):
    lists = pd.Series([[number] for number in range(40_000)], dtype=object)
    of(lists)
    lists.iloc[7].append(1)
    assert of(lists) == fingerprint(lists)
    text = pd.Series([f"{number}" for number in range(ROWS)], dtype=object)
    before = of(text)
    text.iloc[9] = "else"
    assert of(text) == fingerprint(text) != before


@watched
def test_metadata_is_never_held(memo, of):
    frame = pd.DataFrame({"a": made_array()})
    seen = {of(frame).digest}
    frame.columns = ["b"]
    seen.add(of(frame).digest)
    frame.index = frame.index + 1
    seen.add(of(frame).digest)
    frame.index.name = "n"
    seen.add(of(frame).digest)
    array = frame["b"].to_numpy()
    seen |= {of(array).digest, of(array.view(np.int64)).digest, of(array.reshape(-1, 3)).digest, of(array[1:]).digest}
    assert len(seen) == 8


@watched
def test_memory_of_the_dead_does_not_answer_for_the_living(memo, of):
    for round_number in range(12):
        array = np.full(ROWS, float(round_number))
        frame = pd.DataFrame({"x": np.full(ROWS, round_number)})
        assert of(array) == fingerprint(array)
        assert of(frame) == fingerprint(frame)
        del array, frame


@watched
@pytest.mark.skipif(sys.platform != "linux", reason="maps memory by hand")
def test_memory_mapped_anew_at_the_same_address_is_read(memo, of):
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    size, private, fixed = 8 * ROWS, 0x22, 0x10
    address = libc.mmap(None, size, 3, private, -1, 0)
    array = np.frombuffer((ctypes.c_char * size).from_address(address), float)
    array[:] = 1.0
    assert hits(memo, of, array) == 1
    before = of(array)
    assert libc.mmap(address, size, 3, private | fixed, -1, 0) == address
    assert of(array) == fingerprint(array) != before


@watched
@pytest.mark.parametrize("change", ["one byte", "a page dropped", "two megabytes dropped", "all dropped", "moved away"])
def test_writes_into_huge_pages_are_seen(memo, of, change):
    array = np.ones(2 << 20)  # 16 MB, for which numpy asks for huge pages
    assert hits(memo, of, array) == 1
    before = of(array)
    huge = -(-array.ctypes.data // (2 << 20)) * (2 << 20)
    sizes = {"a page dropped": 4096, "two megabytes dropped": 2 << 20, "all dropped": 10 << 20}
    if change == "one byte":
        ctypes.memset(huge + 123_456, 7, 1)
    elif change == "moved away":
        libc.mremap.restype = ctypes.c_void_p
        libc.mremap(ctypes.c_void_p(huge), *[ctypes.c_size_t(4 << 20)] * 2, 5, None)  # the source stays, empty
    else:
        assert libc.madvise(ctypes.c_void_p(huge), ctypes.c_size_t(sizes[change]), 4) == 0
    assert of(array) == fingerprint(array) != before


@watched
def test_what_shares_memory_does_not_hide_a_write_from_another(memo, of):
    array = made_array()
    half = array[: ROWS // 2]
    first, second = of(array), of(half)
    assert (of(array), of(half)) == (first, second)
    array[100] = 7.0
    assert of(half) == fingerprint(half) != second
    assert of(array) == fingerprint(array) != first
    assert hits(memo, of, array) == hits(memo, of, half) == 1


@watched
def test_a_write_while_it_is_hashed_is_not_lost(memo):
    array = made_array()

    def digest_then_write():
        found = array.tobytes()[:32]
        array[0] = 0.25
        return found, True

    ranges = ((array.ctypes.data, array.nbytes),)
    request = unchanged.Memory("key", ranges)
    memo.digest(request, digest_then_write)
    assert memo.digest(request, lambda: (b"new", True)) == b"new"


@watched
def test_memory_that_others_can_change_is_hashed_every_time(memo, of, tmp_path):
    path = tmp_path / "numbers"
    made_array().tofile(path)
    shared = shared_memory.SharedMemory(create=True, size=8 * ROWS)
    try:
        kinds = {
            "file": np.memmap(path, float, "r+"),
            "private file": np.memmap(path, float, "c"),
            "shared": np.ndarray(ROWS, float, shared.buf),
            "arrow file": pa.Array.from_buffers(
                pa.float64(), ROWS, [None, pa.memory_map(str(path), "r").read_buffer(8 * ROWS)]
            ),
        }
        kinds["private file"] += 1.0
        assert {kind: hits(memo, of, value) for kind, value in kinds.items()} == dict.fromkeys(kinds, 0)
    finally:
        kinds.clear()
        shared.close()
        shared.unlink()


@watched
def test_kernels_without_a_query_for_mappings_are_asked_by_text(tmp_path):
    array = made_array()
    start = -(-array.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
    assert watch._private_until(start) == unchanged.memo()._watch._private_until(start) > start
    path = tmp_path / "numbers"
    array.tofile(path)
    for mode in ("r", "c"):
        with pytest.raises(watch.UnwatchableError, match="a file, a device or another process"):
            watch._private_until(np.memmap(path, float, mode).ctypes.data)


@watched
def test_what_is_written_again_and_again_is_left_alone_for_a_while(memo, of):
    array = made_array()
    for number in range(6):
        array[:] = number
        assert of(array) == fingerprint(array)
    assert memo._rests
    for _ in range(70):
        of(array)
    before = memo.hits
    of(array)
    assert memo.hits > before


@watched
def test_the_number_of_columns_that_are_held_has_an_end(memo, of, monkeypatch):
    monkeypatch.setattr(unchanged, "MAX_COLUMNS", 3)
    arrays = [made_array() + number for number in range(6)]
    for array in arrays:
        of(array)
    assert len(memo._held) == 3


@watched
def test_what_died_is_forgotten(memo, of):
    array = made_array()
    of(array)
    assert len(memo._held) == 1
    del array
    of(pd.Series(made_array(), name="other"))
    assert len(memo._held) == 1


@watched
def test_threads_may_ask_at_once(memo, of):
    arrays = [made_array() + number for number in range(4)]
    expected = [fingerprint(array) for array in arrays]
    wrong = []

    def ask():
        for _ in range(20):
            wrong.extend(place for place, array in enumerate(arrays) if of(array) != expected[place])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


FORKS = """
import os, signal, sys
import numpy as np
from trackbook.capture.fingerprint.values import Fingerprinter, fingerprint
of = Fingerprinter().of
array = np.arange(2_000_000)
first = of(array)
child = os.fork()
if not child:
    signal.alarm(30)
    answers = [of(array) == first, of(array) == first]
    array[5] = 1
    answers.append(of(array) == fingerprint(array) != first)
    os._exit(0 if all(answers) else 1)
status = os.waitpid(child, 0)[1]
assert status == 0, status
assert of(array) == first
array[5] = 1
assert of(array) == fingerprint(array) != first
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_process_starts_anew_and_its_parent_goes_on():
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_where_writes_cannot_be_watched_everything_is_hashed(monkeypatch, of):
    def refuse():
        raise unchanged.UnwatchableError("refused")

    monkeypatch.setattr(unchanged, "Watch", refuse)
    monkeypatch.setattr(unchanged, "_process", unchanged._Process())
    array = made_array()
    assert of(array) == of(array) == fingerprint(array)
    assert unchanged.unavailable() == "refused"


def test_a_watch_that_fails_later_is_no_error():
    class Broken:
        pid = os.getpid()

        def arm(self, start, end):
            raise OSError("gone")

        def is_clean(self, start, end):
            return False

    memo = Unchanged(Broken())
    request = unchanged.Memory("key", ((id(memo), 16),))
    assert [memo.digest(request, lambda: (b"x", True)) for _ in range(2)] == [b"x", b"x"] or memo.hits
