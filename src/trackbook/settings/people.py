"""Names of people, compared as a reader compares them; and roles written out as people.

Two spellings that a reader takes for one name are one person: nobody becomes a second person by another letter case,
a space at the end, another Unicode form, an invisible character, or a Cyrillic letter that looks like a Latin one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

MAX_NAME = 200

# Letters of other alphabets that are drawn like Latin ones in one of their cases, after NFKC and casefolding.
_LOOK_ALIKE = str.maketrans(
    "авсԁеғɡһніӏјкмпорԛгѕтцѵԝхуᴢαβεζηικμνορτυχωϳɑıɩ",
    "abcdefghhiljkmnopqrstuvwxyzabezhikmnoptyxwjaii",
)
# Characters that show nothing, beyond those of the categories of controls and formats: joiners, fillers, selectors.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u0307") | {
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
}


def key_of(name: str) -> str:
    """Return what is equal for all spellings of one person's name."""
    folded = _seen(unicodedata.normalize("NFKC", _seen(unicodedata.normalize("NFC", name))).casefold())
    latin = unicodedata.normalize("NFKC", folded).translate(_LOOK_ALIKE)
    return " ".join(unicodedata.normalize("NFKC", latin).split())


def is_same(name: str, other: str) -> bool:
    """Say whether two names are of one person."""
    return key_of(name) == key_of(other)


def check_person(name: str) -> str:
    """Return `name` when it is fit to name one person or role; else raise ValueError that says why.

    A name is text that can be seen, and its letters are of one alphabet.
    """
    if not key_of(name) or len(name) > MAX_NAME:
        raise ValueError(f"{name!r:.60} is no name; give 1 to {MAX_NAME} characters")
    if name != name.strip() or not name.isprintable() or any(_is_invisible(char) for char in name):
        raise ValueError(f"{name!a:.80} holds spaces at its ends or characters that nobody sees; remove them")
    alphabets = sorted({_alphabet(char) for char in name if char.isalpha()} - {""})
    if len(alphabets) > 1:
        raise ValueError(f"{name!a:.80} mixes the alphabets {' and '.join(alphabets)}; write it with letters of one")
    return name


def check_roles(roles: Mapping[str, Iterable[str]], approvers: Iterable[str] = ()) -> None:
    """Raise ValueError when a role of a policy has no members, names no person, or is called like one.

    `approvers` are the people and roles that the rest of the policy names.
    """
    named = {key_of(role): check_person(role) for role in roles}
    if len(named) < len(roles):
        raise ValueError("two roles under [roles] have names that look the same; rename one")
    for role, members in roles.items():
        people = [check_person(member) for member in members]
        if not people:
            raise ValueError(f"the role {role!r} has no members; name its people under [roles]")
        clash = next((member for member in people if key_of(member) in named), None)
        if clash is not None:
            raise ValueError(
                f"{clash!r}, a member of the role {role!r}, is the name of a role as well; a name is either a person's "
                "or a role's: rename the role"
            )
    for approver in approvers:
        check_person(approver)
        if approver not in roles and key_of(approver) in named:
            raise ValueError(f"{approver!r} looks like the role {named[key_of(approver)]!r}; write it the same way")


def written_out(named: Iterable[str], roles: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the people behind names of people and roles: each once, in the order in which they are named."""
    people: dict[str, str] = {}
    for name in named:
        for person in roles.get(name, (name,)):
            people.setdefault(key_of(person), person)
    return tuple(people.values())


def _seen(text: str) -> str:
    return "".join(char for char in text if char.isspace() or not _is_invisible(char))


def _is_invisible(char: str) -> bool:
    return char in _BLANK or unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _alphabet(char: str) -> str:
    """Return LATIN, CYRILLIC, GREEK, …; what all Japanese names mix counts as one alphabet."""
    first = unicodedata.name(char, "").partition(" ")[0]
    return "CJK" if first in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else first
