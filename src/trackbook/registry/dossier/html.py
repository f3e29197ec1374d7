"""A dossier as one HTML page: the card, then what proves it; works offline, prints, runs no script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trackbook.registry.card.happened import who
from trackbook.registry.card.html import card_fragment, document, section_html
from trackbook.registry.card.sections import Block, Cell, Code, Section, Table, Text, title
from trackbook.tracking.words import local_time

if TYPE_CHECKING:
    from trackbook.registry.audit.chain import AuditEvent
    from trackbook.registry.dossier.dossier import Dossier

SHORT = 24
"""Digits of a hash in the table; the whole one stands beneath."""

CODE_WIDTH = 100
"""Characters of a line of JSON, so that it can be printed."""


def page(dossier: Dossier) -> str:
    """Return the page without its seal, which is a line behind it; it ends with a line break."""
    name = title(dossier.card)
    proof = "".join(section_html(section) for section in _sections(dossier))
    body = f'{card_fragment(dossier.card)}<div class="tb-card">{proof}</div>'
    return document(f"Dossier of {name}", f"Dossier of {name}", body)


def _sections(dossier: Dossier) -> list[Section]:
    return [
        Section("Evidence of the gates", tuple(_evidence(dossier))),
        Section("Audit events", tuple(_events(dossier))),
        Section("Signature", tuple(_signature(dossier))),
    ]


def _evidence(dossier: Dossier) -> list[Block]:
    blocks: list[Block] = []
    for result in dossier.version.gates:
        blocks.append(Text(f"{'✓' if result.passed else '✗'} {result.stage}: {result.reason}", red=not result.passed))
        if result.evidence:
            blocks.append(Code(_json(result.evidence), "Evidence"))
    return blocks or [Text("No gate has judged this version.", missing=True)]


def _events(dossier: Dossier) -> list[Block]:
    rows = tuple(_row(event) for event in dossier.events)
    red = frozenset(place for place, event in enumerate(dossier.events) if event.is_override)
    heads = ("Number", "Time", "Who", "What", "About", "Hash")
    blocks: list[Block] = [Table("", heads, rows, red)]
    for event in dossier.events:
        text = f"{event.seq} {event.action}\nprevious {event.previous}\nhash     {event.hash}\n{_json(event.content)}"
        blocks.append(Code(text, f"Event {event.seq}"))
    return blocks


def _row(event: AuditEvent) -> tuple[Cell, ...]:
    what = event.action.replace("_", " ")
    return (
        str(event.seq),
        local_time(event.time),
        who(event.actor, event.authority),
        what,
        event.subject,
        event.hash[:SHORT],
    )


def _signature(dossier: Dossier) -> list[Block]:
    head = dossier.head
    rows: tuple[tuple[Cell, ...], ...] = (
        ("Events of the trail", str(head.events)),
        ("Hash of the last", head.hash),
        ("Time of the last", local_time(head.time)),
        ("Public key", head.key),
        ("Signature of the head", head.signature),
    )
    return [
        Table("", ("", ""), rows),
        Text(
            "The last line of this file signs all that stands before it. "
            "`trackbook audit verify --dossier FILE` says whether it is genuine and unchanged; with `--key` and the "
            "public key of the project it does so anywhere, without the project.",
            missing=True,
        ),
    ]


def _json(value: object) -> str:
    text = msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
    return "\n".join(_folded(line) for line in text.splitlines())


def _folded(line: str) -> str:
    return "\n    ".join(line[start : start + CODE_WIDTH] for start in range(0, max(len(line), 1), CODE_WIDTH))
