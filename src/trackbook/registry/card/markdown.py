"""A model card as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trackbook.registry.card.header import header
from trackbook.registry.card.sections import Block, Cell, Code, Graph, Intervals, Table, Text, sections, stage_of, title
from trackbook.registry.card.values import ModelCard
from trackbook.tracking.words import markdown, number, printable


def card_markdown(card: ModelCard) -> str:
    """Return the header of Hugging Face, then the card."""
    parts = [header(card), f"# {markdown(title(card))}", markdown(f"This version is {stage_of(card)}.")]
    parts += [f"> **⚠ {markdown(warning)}**" for warning in card.warnings]
    for section in sections(card):
        parts += [f"## {section.title}", *(part for block in section.blocks for part in _block(block))]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Text(missing=True):
            yield f"*{_sentence(block.text)}*"
        case Text():
            yield _prose(block.text)
        case Table():
            yield _table(block)
        case Code():
            yield _fenced(block.text)
        case Graph():
            labels = {node.id: node.label for node in block.lineage.nodes}
            rows = tuple(
                (labels[link.source], labels[link.target], ", ".join(link.names)) for link in block.lineage.links
            )
            yield _table(Table("", ("from", "to", "hands on"), rows))
        case Intervals():
            return  # the numbers stand in the table


def _sentence(text: str) -> str:
    """Return a sentence of Trackbook's own, in which commands between back-ticks stay code."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(piece if piece.startswith("`") else _spaced(piece) for piece in pieces)


def _spaced(piece: str) -> str:
    """Return a piece of a sentence with the spaces at its ends, which `markdown` takes off."""
    return f"{' ' * piece.startswith(' ')}{markdown(piece)}{' ' * (piece.endswith(' ') and len(piece) > 1)}"


def _prose(text: str) -> str:
    """Return what a person wrote, line by line, as text."""
    paragraphs = re.split(r"\n\s*\n", printable(text.strip()))
    return "\n\n".join("\\\n".join(_line(line) for line in each.splitlines() if line.strip()) for each in paragraphs)


def _line(line: str) -> str:
    """Return one line, which begins neither a list nor a rule nor a heading."""
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", markdown(line))


def _table(table: Table) -> str:
    rows = [[_cell(value) for value in row] for row in table.rows]
    for place in table.red:
        rows[place][0] = f"**⚠ {rows[place][0]}**"
    lines = [f"| {' | '.join(table.heads)} |", f"|{' --- |' * len(table.heads)}"]
    caption = f"**{markdown(table.caption)}**\n\n" if table.caption else ""
    return caption + "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(value: Cell) -> str:
    if value is None or value == "":
        return "–"
    return markdown(number(value) if isinstance(value, float | int) else value)


def _fenced(text: str) -> str:
    """Return code between fences that are longer than any in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}python\n{printable(text)}\n{fence}"
