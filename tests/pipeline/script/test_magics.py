"""Magics, shell lines and cells in other languages: scripts do what a kernel does, or say why they cannot."""

import os
import subprocess
import sys

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.utils.text import DollarFormatter

from trackbook.errors import NotebookError
from trackbook.pipeline.execution import execute_notebook
from trackbook.pipeline.script.commands import Requirements, expanded, text_literal
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.script.magics import Choices
from trackbook.pipeline.steps.notebook import Cell, Notebook, file_beside

KERNEL = [
    ("imports", "import os\nimport sys\n%load_ext autoreload\n%autoreload 2\n%config Completer.use_jedi = False"),
    ("functions", "def add(a, b):\n    n = !echo {a} $b\n    return n"),
    ("step:folder", "name = 'made'\nos.makedirs(name, exist_ok=True)\n%cd -q {name}\nprint(os.path.basename(os.getcwd()))\n%cd nowhere\n%cd -q .."),
    ("step:environment", "%env GREETING=hello {name}\n%set_env OTHER  x y\nvalue = %env GREETING\nprint(value, os.environ['OTHER'])\n%env OTHER"),
    ("step:file", "%%writefile made/part.py\nimport sys\n\nwords = ['a', \"b\"]\nprint('ran', __name__, sys.argv)\nhidden = 1\n"),
    ("step:more", "%%writefile -a {name}/part.py\nwords.append('''c\\n''')"),
    ("step:run", "%run made/part.py 1 $name\nlen(words)"),
    ("step:shell", "lines = !printf 'one\\ntwo\\n'\nprint(lines, lines.n, lines.s, type(lines).__mro__[1])\n!echo $HOME '$name' \"$name\" {name!r} {words[0:2]} {{}}\n!echo {print $1}\nfor word in words[:2]:\n    !echo {word.upper()}\n!!echo last"),
    ("step:exit", "!exit 3\n!echo error >&2; true\nprint(add(1, 'x'))"),
    ("step:bash", "%%bash\necho from bash $GREETING\ncat made/part.py | head -1"),
    ("step:out", "%%bash --out text\necho kept"),
    ("step:shown", "print(repr(text))"),
    ("step:capture", "%%time\n%%capture out\nprint('captured')\nsys.stderr.write('e\\n')\nkept = 5\n7"),
    ("step:captured", "print(repr(out.stdout), repr(str(out)), kept)\nout()"),
    ("step:timed", "%time total = sum([1, 2])\n%time total + 1"),
    ("step:delete", "%xdel total\nimport sys as system\n'end'\n?system"),
]  # fmt: skip


def notebook(*cells):
    made = (Cell(i, f"c{i}", source, tuple(tags.split())) for i, (tags, source) in enumerate(cells))
    return Notebook("trial.ipynb", tuple(made))


def run_script(folder, text):
    (folder / "script.py").write_text(text)
    return subprocess.run([sys.executable, "-I", "script.py"], cwd=folder, capture_output=True, text=True, check=False)


def run_kernel(folder, cells):
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for _, source in cells])
    found = []
    for cell in execute_notebook(node, cwd=folder).cells:
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stdout":
                found.append(output.text.replace("\r\n", "\n"))
            elif output.output_type == "execute_result":
                found.append(output.data["text/plain"] + "\n")
    return "".join(found)


def without_times(text):
    return [line for line in text.splitlines() if not line.startswith(("CPU times", "Wall time"))]


@pytest.mark.skipif(os.name != "posix", reason="shell lines need a terminal of POSIX")
def test_scripts_print_what_magics_print_in_a_kernel(tmp_path):
    folders = [tmp_path / "kernel", tmp_path / "script"]
    for folder in folders:
        (folder / "made").mkdir(parents=True)
    live = run_kernel(folders[0], KERNEL).replace(str(folders[0]), "HERE")
    # The name that `%run` binds is read in the file, which is there when the notebook has run once.
    text = convert(notebook(*KERNEL), Choices(allow_shell=True, file_text=file_beside(folders[0]))).text
    ran = run_script(folders[1], text)
    assert "get_ipython" not in text
    assert ran.stdout.replace(str(folders[1]), "HERE").splitlines() == without_times(live)
    assert ran.stderr == "e\n"


def test_code_is_timed_and_leaves_no_names(tmp_path):
    cells = [
        ("step:a", "x = 1\nseen = []\n%timeit -n 2 -r 3 x = seen.append(1)\nprint(x, len(seen))"),
        ("step:b", "%%timeit -n 1 -r 1 q = 1\nq += x\nprint(q)"),
        ("step:c", "spent = %timeit -q -o -n 1 -r 2 sum([x])\nprint(spent.loops, spent.repeat, len(spent.timings))"),
    ]
    ran = run_script(tmp_path, convert(notebook(*cells)).text)
    lines = ran.stdout.splitlines()
    assert "per loop (mean ± std. dev. of 3 runs, 2 loops each)" in lines[0]
    assert "per loop (mean ± std. dev. of 1 run, 1 loop each)" in lines[3]
    assert [lines[1], lines[2], lines[4]] == ["1 6", "2", "1 2 2"]


NO_FORM = {
    "a shell line": ("x = 1\n!rm -r x", "code cell 1 .*, line 2: `!rm -r x` runs a shell command; read it, and then convert with --allow-shell"),
    "a shell line with a value": ("x = !ls", "line 1: `!ls` runs a shell command"),
    "a cell of bash": ("%%bash\nls", "line 1: `%%bash` runs a shell command"),
    "an unknown magic": ("x = 1\n%matplotlb inline", "line 2: `%matplotlb inline` has no form in a script; did you mean 'matplotlib'.*--keep-ipython"),
    "a blank before the name": ("% matplotlib inline", "line 1: `% matplotlib inline` has no form in a script; take out the blank"),
    "an unknown cell magic": ("%%writfile x\na", "line 1: `%%writfile x` has no form in a script; did you mean 'writefile'"),
    "a folder of history": ("%cd -", "line 1: `%cd -` has no form in a script; name the folder"),
    "a run in the namespace": ("%run -i x.py", "line 1: `%run -i x.py` has no form"),
    "a notebook that is run": ("%run x.ipynb", "line 1: `%run x.ipynb` has no form"),
    "the value of a magic": ("x = %who_ls", "line 1: `%who_ls` has no form"),
    "the value of nothing": ("x = %matplotlib inline", "line 1: the value of `%matplotlib inline` has no form"),
    "timed nonsense": ("%time x y", "line 1: the code behind `%time x y` is no Python"),
    "the shell of IPython": ("ip = get_ipython()", r"line 1: `ip = get_ipython\(\)` has no form"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_FORM)
def test_what_has_no_form_is_an_error_with_cell_and_line(name):
    source, message = NO_FORM[name]
    with pytest.raises(NotebookError, match=message):
        convert(notebook(("step:a", source)))


def test_magics_are_kept_where_the_user_says_so(tmp_path):
    cells = [
        ("step:a", "%load_ext trackbook\n%load_ext autoreload\nnames = ['b']\nfound = %who_ls list\nprint(found)\nif found:\n    %alias_magic t timeit"),
        ("step:b", "%%html\n<b>"),
        ("step:c", "%%sx\necho {names[0]}"),
    ]  # fmt: skip
    text = convert(notebook(*cells), Choices(keep_ipython=True, allow_shell=True)).text
    assert "left out of the script: %load_ext trackbook" in text
    assert 'ipython().run_line_magic("load_ext", "autoreload")' in text
    assert run_script(tmp_path, text).stdout.splitlines()[-1] == "['b']"


INSTALLS = {
    "!pip install -q pandas": (["pandas"], []),
    "!pip3 install --upgrade 'pandas>=2,<3' numpy[extra]==1.0 > /dev/null 2>&1": (["numpy[extra]==1.0", "pandas<3,>=2"], []),
    "!{sys.executable} -m pip install --index-url https://x.org/s Pandas": (["Pandas"], []),
    "%pip install -r requirements.txt tqdm  # bars": (["tqdm"], []),
    "!conda install -y -c conda-forge xgboost=1.7": ([], ["xgboost=1.7 (with conda)"]),
    "!uv pip install rich git+https://example.org/a/b.git": (["rich"], ["git+https://example.org/a/b.git"]),
    '%pip install "a\\"b]"': ([], ['a"b]']),
}  # fmt: skip


@pytest.mark.parametrize("line", INSTALLS)
def test_what_a_notebook_installs_its_script_requires(line):
    packages, others = INSTALLS[line]
    text = convert(notebook(("imports", "import sys"), ("step:a", f"{line}\nx = 1"))).text
    head = text[: text.index('"""')].splitlines()
    assert head[0] == "#!/usr/bin/env python"
    assert [line.strip("# ,").strip('"') for line in head if line.startswith('#   "')] == packages
    told = [line.removeprefix("# The notebook also installs: ") for line in head if "also installs" in line]
    assert told == ([", ".join(others)] if others else [])
    assert f"# left out of the script: {line}"[:60] in text


def test_requirements_name_what_the_script_imports_too():
    cells = [("imports", "import sklearn\nimport helpers\n!pip install seaborn"), ("step:a", "sklearn, helpers")]
    head = convert(notebook(*cells)).text.split('"""')[0]
    assert head == (
        "#!/usr/bin/env python\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n"
        '#   "scikit-learn",\n#   "seaborn",\n# ]\n# ///\n'
    )  # fmt: skip


@pytest.mark.parametrize(
    "command", ["pip install a; rm x", "pip install a && b", "pip list", "echo pip install", "pip install $(x)"]
)
def test_a_command_that_does_more_than_install_stays_a_command(command):
    assert not Requirements().take(command)


TEXTS = ["ls {a}/*.csv", "echo $b '$b' $$b {{}} {a!r} {b[0:1]}", "awk '{print $1}' {a}", "echo $HOME {a}", "{", "{a.upper()} $a.b", "{len(a)}\n\\ \"'", "{[c for c in a]}", "", "{'\\n'.join(b)}"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_values_come_into_commands_as_ipython_puts_them(text):
    names = {"a": "x y", "b": ["1", "2"]}
    try:
        known = DollarFormatter().vformat(text, [], dict(names))
    except Exception:  # noqa: BLE001 - IPython takes any
        known = text
    code = expanded(text, names)
    if "$a.b" in text:  # whether a value has an attribute, the text does not tell
        assert code.startswith("f")
    else:
        assert eval(code, dict(names)) == known


@given(st.text() | st.lists(st.sampled_from(['"', "'", "\\", "\n", "a", "\t", "{", "\r", "é"])).map("".join))
def test_a_text_written_as_python_is_that_text(text):
    assert eval(text_literal(text)) == text


def test_steps_wait_for_those_that_change_folder_environment_and_files():
    cells = [
        ("step:cd", "%cd -q /tmp"),
        ("step:env", "%env A=1"),
        ("step:write", "%%writefile a.txt\nx"),
        ("step:other", "print(1)"),
        ("step:read", "print(open('a.txt').read())"),
        ("step:bash", "%%bash\ntouch b"),
        ("step:last", "print(open('b').read())"),
    ]
    steps = {step.name: set(step.after) for step in convert(notebook(*cells), Choices(allow_shell=True)).steps}
    assert steps["other"] == set()
    assert steps["read"] == {"cd", "write"}
    assert {"cd", "env", "write"} <= steps["bash"]
    assert {"cd", "bash"} <= steps["last"]
