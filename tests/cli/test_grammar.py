"""What a command defers is there when it is asked for."""

CODE = """
import sys
from trackbook.cli.grammar import NAME, defer
defer()
import nbformat
from jsonschema import Draft202012Validator
assert "lark" not in sys.modules
check = Draft202012Validator.FORMAT_CHECKER.conforms
print(check("http://example.org/ä", "iri"), check("no address", "iri"), "lark" in sys.modules)
"""


def test_addresses_are_checked_as_without_it_and_their_grammar_is_compiled_only_then(python):
    assert python(CODE).stdout == "True False True\n"
