"""Names of people: which spellings are one person, and which names a policy may hold."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.errors import SettingsError
from trackbook.settings import load_settings
from trackbook.settings.people import check_person, check_roles, is_same, key_of, written_out

NAMES = st.text(min_size=1, max_size=20)
ALPHABETS = "abcdefghijklmnopqrstuvwxyz äöüéñçø" + "".join(map(chr, (*range(0x3B1, 0x3CA), *range(0x430, 0x460))))


@given(NAMES, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_forms_of_a_name_are_one_person(name, form):
    """No Unicode form and no space at an end makes a second person of a name."""
    assert is_same(f" {unicodedata.normalize(form, name)}\t", name)
    assert key_of(key_of(name)) == key_of(name)


@given(st.text(ALPHABETS, min_size=1, max_size=20))
def test_a_name_in_capitals_is_the_same_person(name):
    """Letters that have two cases are compared without them."""
    assert is_same(name.upper(), name)


@pytest.mark.parametrize(
    "trick",
    ["ANN", "Ann ", " ann", "\u0430nn", "\u0410NN", "a\u200bnn", "ann\u2060", "\uff41\uff4e\uff4e", "ann\ufe0f", "a\u00adnn", "\u202eann"],
)  # fmt: skip
def test_a_look_alike_is_the_person_it_looks_like(trick):
    """Nobody becomes somebody else by a name that a reader takes for their own."""
    assert is_same(trick, "ann")


def test_people_with_different_names_are_different():
    """What a reader tells apart stays apart."""
    names = ["ann", "anna", "ann b", "annb", "ånn", "Zoë", "zoe", "user1", "userl", "ann@x.org", "山田", "Наталия"]
    assert len({key_of(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "name", ["", " ", "ann ", "a\u200bnn", "\u0430nn", "an\nn", "\u202eann", "x" * 201, "\u3164", "ann\u00a0"]
)
def test_what_is_no_name_is_refused(name):
    """A policy names nobody with characters that nobody sees, or with letters of two alphabets."""
    with pytest.raises(ValueError, match=r"name|remove|letters"):
        check_person(name)


@pytest.mark.parametrize("name", ["ann", "Zoë", "José O'Neil", "山田 さくら", "Наталия", "ann@example.org", "li-4"])
def test_names_of_people_are_taken(name):
    """Names of all the world's people are names."""
    assert check_person(name) == name


def test_roles_are_written_out_as_people_once_each():
    """A person who is named, and has a role that is named, is one person."""
    roles = {"leads": ("ann", "bob"), "legal": ("Bob", "eve")}
    assert written_out(["bob", "leads", "legal"], roles) == ("bob", "ann", "eve")


@pytest.mark.parametrize(
    ("roles", "approvers", "reason"),
    [
        ({"ann": ["bob"], "x": ["ann"]}, [], "either a person's or a role's"),
        ({"leads": ["LEADS"]}, [], "either a person's or a role's"),
        ({"leads": []}, [], "no members"),
        ({"leads": ["ann"], "Leads": ["bob"]}, [], "look the same"),
        ({"leads": ["ann"]}, ["Leads"], "looks like the role 'leads'"),
    ],
)
def test_names_that_mean_two_things_are_refused(roles, approvers, reason):
    """A name is a person's or a role's, and it can be told which."""
    with pytest.raises(ValueError, match=reason):
        check_roles(roles, approvers)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[roles]\nann = ["bob"]\nx = ["ann"]', "a role's"),
        ('[[approvals]]\napprovers = ["ann", "Ann "]\ncount = 2', "spaces at its ends"),
        ('[[approvals]]\napprovers = ["ann", "ANN"]\ncount = 2', "only 1 person"),
        ('[roles]\nx = ["ann", "bob"]\n[[approvals]]\napprovers = ["x", "bob"]\ncount = 3', "only 2 people"),
    ],
)
def test_trackbook_toml_is_refused_when_it_is_read(tmp_path, text, reason):
    """A policy that nobody could meet, or that can be read in two ways, is an error of the file."""
    (tmp_path / "trackbook.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=reason):
        load_settings(tmp_path)
