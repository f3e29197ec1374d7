"""What a cell shows is copied, cut to limits, redacted, and reaches the user as it always did."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from trackbook.capture.outputs import CUT, MAX_FIGURES, OutputWatcher

LIMIT = 1_000
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+M8AAAMBAQDJ/pLvAAAAAElFTkSuQmCC"  # one pixel


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()  # `display` looks for this one
    shell.display_formatter.active_types = shell.display_formatter.format_types  # as in a notebook
    yield shell
    InteractiveShell.clear_instance()


def shown(shell: Any, source: str) -> dict[str, bytes]:
    """Run a cell under observation and return what was kept of what it showed."""
    watcher = OutputWatcher(shell, LIMIT)
    watcher.start()
    result = shell.run_cell(source)
    watcher.stop()
    return {output.path: output.content for output in watcher.outputs(result.result)}


def test_printed_lines_and_the_last_value_are_kept_and_still_printed(shell: Any, capsys: Any) -> None:
    """Standard output, standard error and the last value are kept; the user sees what he sees without."""
    kept = shown(shell, "import sys\nprint('one', 2)\nprint('oh', file=sys.stderr)\n6 * 7\n")
    assert kept == {
        "outputs/stdout.txt": b"one 2\n",
        "outputs/stderr.txt": b"oh\n",
        "outputs/value.txt": b"42",
    }
    assert capsys.readouterr().out.startswith("one 2\n")


def test_the_streams_are_the_same_objects_and_as_they_were_afterwards(shell: Any) -> None:
    """Nothing of the wrapping is left on the streams, the display publisher and the display hook."""
    before = sys.stdout
    assert shown(shell, "import sys\nstream = sys.stdout\nprint('x')")
    assert shell.user_ns["stream"] is before is sys.stdout
    assert "write" not in vars(sys.stdout)
    assert "publish" not in vars(shell.display_pub)
    assert "write_format_data" not in vars(shell.displayhook)


def test_of_a_long_output_the_end_is_kept(shell: Any) -> None:
    """A cell that prints without end keeps the last characters, and says that the beginning is gone."""
    text = shown(shell, "for number in range(10_000):\n    print(number)\nprint('x' * 2000)")[
        "outputs/stdout.txt"
    ].decode()
    assert text.startswith(CUT)
    assert len(text) == LIMIT + len(CUT)


def test_images_are_kept_as_bytes_up_to_a_number(shell: Any) -> None:
    """Figures that are displayed become files; beyond the limit they are left out."""
    source = f"from IPython.display import Image, display\nimport base64\nfor _ in range({MAX_FIGURES + 2}):\n"
    source += f"    display(Image(base64.b64decode({PIXEL!r})))\n"
    kept = shown(shell, source)
    figures = [path for path in kept if path.startswith("outputs/figure-")]
    assert len(figures) == MAX_FIGURES
    assert kept["outputs/figure-1.png"].startswith(b"\x89PNG")


def test_a_frame_is_kept_as_a_table_too(shell: Any) -> None:
    """The last value, when it is a frame, is kept as CSV beside its text."""
    kept = shown(shell, "import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', None]})")
    assert kept["outputs/table.csv"] == b",a,b\n0,1,x\n1,2,\n"


def test_secrets_that_are_printed_are_not_kept(shell: Any) -> None:
    """What looks like a token is taken out of every text."""
    token = "ghp_" + "a1B2c3D4e5" * 4
    kept = shown(shell, f"print('token is {token}')\ndisplay('{token}')\n'{token}'")
    assert kept
    assert all(token.encode() not in content for content in kept.values())


def test_literals_with_keys_of_any_kind_are_kept_and_searched(shell: Any) -> None:
    """Tuples and bytes are keys in Python and not in JSON; the secrets beside them go all the same."""
    assert shown(shell, "{(1, 2): 3, b'x': {4: None}}") == {"outputs/value.txt": b"{(1, 2): 3, b'x': {4: None}}"}
    kept = shown(shell, "[{('a', 1): {'password': 'hun' + 'ter2-4711'}}]")["outputs/value.txt"]
    assert b"hunter2" not in kept
    assert b"('a', 1)" in kept


@pytest.mark.parametrize("method", ["__repr__", "__str__", "_repr_html_", "__getattr__", "__eq__", "__len__"])
def test_a_hostile_last_value_is_asked_for_nothing_that_ipython_does_not_ask(shell: Any, method: str) -> None:
    """An object whose methods raise is shown, or not, just as without the copy."""
    source = f"class Hostile:\n    def {method}(self, *a):\n        raise RuntimeError('no')\nHostile()"
    assert "outputs/table.csv" not in shown(shell, source)


def test_a_stream_that_was_replaced_in_the_cell_stays_replaced(shell: Any) -> None:
    """Code may put a stream of its own in place; taking our copy off does not undo it."""
    import io

    before = sys.stdout
    try:
        shown(shell, "import io, sys\nsys.stdout = io.StringIO()\nprint('hidden')")
        assert isinstance(sys.stdout, io.StringIO)
        assert sys.stdout.getvalue().startswith("hidden")
    finally:
        sys.stdout = before
