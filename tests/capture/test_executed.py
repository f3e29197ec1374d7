"""The texts that code gives to exec and eval, heard while they run."""

from __future__ import annotations

from trackbook.capture.executed import MAX_TEXTS, ExecutedTexts


def heard(text: str, **names: object) -> tuple[str, ...] | None:
    """Run `text` and return which texts it was heard to run."""
    texts = ExecutedTexts()
    texts.start()
    try:
        eval(compile(text, "<cell>", "exec"), dict(names))
    finally:
        found = texts.stop()
    return found if found is None else found[1:]  # the first is `text` itself


def test_texts_are_told_in_the_order_in_which_they_first_ran() -> None:
    assert heard("exec('a = 1')\nexec('b = 2')\nexec('a = 1')\neval(' a + b')") == ("a = 1", "b = 2", "a + b")


def test_a_text_run_by_a_text_is_told() -> None:
    assert heard("exec('exec(\\'x = 1\\')')") == ("exec('x = 1')", "x = 1")


def test_code_compiled_first_is_known_again() -> None:
    assert heard("c = compile('a = 1', 'f', 'exec')\nd = compile('b = 1', 'f', 'exec')\nexec(c)") == ("a = 1",)


def test_code_without_a_text_makes_everything_unknown() -> None:
    assert heard("exec(code)", code=compile("a = 1", "f", "exec")) is None
    assert heard("import ast\nexec(compile(ast.parse('a = 1'), 'f', 'exec'))") is None


def test_what_libraries_run_is_left_out() -> None:
    assert heard("from collections import namedtuple\nnamedtuple('P', 'x y')") == ()


def test_too_many_texts_are_unknown() -> None:
    assert heard(f"for i in range({MAX_TEXTS + 5}): exec(f'x{{i}} = 1')") is None


def test_a_text_that_is_no_python_is_not_told() -> None:
    assert heard("try:\n    exec('a b')\nexcept SyntaxError:\n    pass") == ()
