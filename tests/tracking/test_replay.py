"""The process that repeats a program: every cell runs in it as it ran in a notebook."""

import sys
import time

import pytest

from trackbook.tracking.reproduction.plan import Cell, Plan
from trackbook.tracking.reproduction.repeat import run_repeat

CELLS = {
    1: "%load_ext trackbook",
    3: "x = 20\nx + 1",
    5: "assert (Out[3], _, _3, In[3]) == (21, 21, 21, 'x = 20\\nx + 1'), (Out, In)",
    6: "import asyncio\nawait asyncio.sleep(0)\nassert asyncio.get_running_loop()",
    7: "assert asyncio.get_event_loop().is_running()  # as in a kernel, also where nothing is awaited",
    8: "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    9: "lines = !echo hello\nassert lines == ['hello']",
    10: "%%bash\necho 1 > made.txt",
    11: "assert open('made.txt').read() == '1\\n'",
    12: "%%capture caught\nprint('inside')",
    13: "assert caught.stdout == 'inside\\n'",
    14: "%%time\ny = sum(range(10))",
    15: "%time z = y + 1\nassert z == 46",
    16: "%env TRACKBOOK_TEST=1\nimport os\nassert os.environ['TRACKBOOK_TEST'] == '1'",
    17: "%cd /\nassert os.getcwd() == '/'",
    18: "from IPython.display import display, HTML\ndisplay(HTML('<b>'), [1])",
    19: "assert __name__ == '__main__'\nimport pickle\nclass A: pass\nassert type(pickle.loads(pickle.dumps(A()))) is A",
    20: "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)",
    21: "assert sys.stdin.read() == ''",
    22: "print('\\ud800 \\0')",
    23: "s = 'a\\0b \\ud800'\ns",
    24: "quit",
    27: "print('x' * 50_000_000)",
    28: f"text = {'y' * 1_000_000!r}\nassert len(text) == 1_000_000",
    25: "assert x == 20",
    26: "class R:\n    def __repr__(self):\n        raise RuntimeError('no')\nR()",
}
FAILING = {
    101: ("1 / 0", "ZeroDivisionError", 1),
    102: ("x = 1\nraise KeyError('k')", "KeyError", 2),
    103: ("x = (", "SyntaxError", 1),
    104: ("input('?')", "StdinNotImplementedError", 1),
    105: ("import getpass\ngetpass.getpass()", "StdinNotImplementedError", 2),
    106: ("import sys\nsys.exit(3)", "SystemExit", 2),
    107: ("%no_such_magic", "UsageError", 1),
    109: ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
    110: ("open('/protected/x', 'w')", "PermissionError", 1),
    111: ("x = 'a\0b'", "SyntaxError", None),
}


def repeat(folder, cells, **options):
    plan = Plan(
        tuple(Cell(source, count, None, False) for count, source in cells.items()),
        str(folder),
        (str(folder),),
        ("/protected",),
        {},
    )
    variables = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "IPYTHONDIR": str(folder / "ipython")}
    command = [sys.executable, "-P", "-m", "trackbook.tracking.reproduction.replay"]
    return run_repeat(command, plan, variables | {"TRACKBOOK_DIR": str(folder / "store")}, **options)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    cells = CELLS | {count: source for count, (source, _, _) in FAILING.items()}
    found = repeat(tmp_path_factory.mktemp("project"), cells)
    assert found.finished, found
    return found, list(cells)


@pytest.mark.parametrize("count", CELLS)
def test_a_cell_runs_as_in_a_notebook(replayed, count):
    found, counts = replayed
    ended = found.ended[counts.index(count)]
    assert (ended.error, ended.message) == (None, "")


@pytest.mark.parametrize("count", FAILING)
def test_a_cell_that_fails_says_how_and_the_next_one_runs(replayed, count):
    found, counts = replayed
    ended = found.ended[counts.index(count)]
    assert (ended.error, ended.line) == FAILING[count][1:]


def test_what_was_asked_and_refused_is_told(replayed):
    assert (replayed[0].asked, replayed[0].refused) == (True, ["/protected/x"])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os\nos._exit(7)", "its process ended with status 7"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "its process was ended by SIGKILL"),
        ("while True: pass", "it was still running after 5 s"),
    ],
)
def test_a_program_that_does_not_come_to_its_end_is_told_and_leaves_no_process(tmp_path, source, words):
    child = "import subprocess\nchild = subprocess.Popen(['sleep', '60'])\nopen('pid', 'w').write(str(child.pid))"
    found = repeat(tmp_path, {1: child, 2: source}, timeout=5 if "while" in source else 30)
    assert words in found.stopped
    assert found.running == 1
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_an_interrupt_ends_the_process(tmp_path):
    def interrupt(position):
        if position == 1:
            raise KeyboardInterrupt

    cells = {1: "import os\nopen('pid', 'w').write(str(os.getpid()))", 2: "while True: pass"}
    with pytest.raises(KeyboardInterrupt):
        repeat(tmp_path, cells, on_start=interrupt)
    assert is_gone(int((tmp_path / "pid").read_text()))


def is_gone(pid):
    import psutil

    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False
