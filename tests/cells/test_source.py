import pytest

from trackbook.cells import read_source


def test_line_numbers_survive_leading_blanks_and_magics():
    source = read_source("\n\n%cd \\\n  folder\nx = 1\n")
    assert source.error is None
    assert source.line(source.tree.body[-1].lineno) == 5


def test_plain_python_stays_as_it_is():
    text = 's = """\n%not a magic\n"""\nx = 5 %2\n'
    assert read_source(text).python == text


def test_first_lines_of_trackbook_and_ipython_are_taken_off():
    source = read_source("%%step load --after a\n%%time\nx = 1")
    assert [magic.name for magic in source.cell_magics] == ["step", "time"]
    assert source.python == "x = 1"
    assert source.line(1) == 3


def test_a_cell_in_another_language_has_no_python():
    source = read_source("%%bash --out o\necho $x")
    assert source.foreign is not None
    assert source.foreign.name == "bash"
    assert not source.tree.body


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\ny = (", 2),
        ("%%time\n\nx = )", 3),
        ("\x00", 1),
        ("(" * 3000, 1),
        ("\ud800 = 1", 1),
        ("x" + ".a" * 20000, 1),
    ],
)
def test_what_is_not_python_is_a_problem_with_its_line_and_never_raises(text, line):
    error = read_source(text).error
    assert error is not None
    assert error.line == line


def test_windows_and_old_mac_line_ends_count_as_lines():
    assert [node.lineno for node in read_source("a = 1\r\nb = 2\rc = 3").tree.body] == [1, 2, 3]


def test_await_at_top_level_is_python():
    assert read_source("x = await f()").error is None


@pytest.mark.parametrize("line", ["pip install x", "cd data", "matplotlib inline", "  ls data"])
def test_a_line_alone_that_is_no_python_is_the_magic_that_ipython_takes_it_for(line):
    name, _, arguments = line.strip().partition(" ")
    assert read_source(line).python.strip() == f"get_ipython().run_line_magic({name!r}, {arguments!r})"
    assert read_source(f"x = 1\n{line.strip()}").error is not None
