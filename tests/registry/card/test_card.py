"""The model card: all that is known, nothing that is not, and stored text as text."""

from __future__ import annotations

import json
import math
import re
from html import unescape
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from support.cards import card_of, hostile, read, run_of, version_of
from trackbook.capture.environment import Environment
from trackbook.data.schema import Column, Schema
from trackbook.registry.audit.chain import AuditEvent
from trackbook.registry.card.sections import sections
from trackbook.registry.lineage import Held
from trackbook.tracking.words import markdown, printable

ALLOWED = {"html", "head", "meta", "title", "body", "h1", "h2", "div", "section", "p", "br", "code", "pre", "style",
           "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "g", "path", "rect", "text", "circle"}  # fmt: skip


class Tags(HTMLParser):
    """Collects elements and attributes, and the text between them."""

    def __init__(self, content):
        super().__init__()
        self.names, self.attributes, self.text = set(), set(), ""
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def test_what_is_not_known_is_said_in_one_sentence_each(bare):
    """A card of a bare version invents nothing: every section but the summary says what is missing."""
    lacking = {section.title: section.blocks for section in sections(bare)}
    assert set(lacking) - {"Summary"} == {
        "Intended use", "Limits", "Data", "Lineage", "Input and output", "Metrics", "Fairness", "Gates", "Approvals",
        "Params", "Environment", "Program", "History",
    }  # fmt: skip
    for title, blocks in lacking.items():
        if title != "Summary":
            (block,) = blocks
            assert block.missing and block.text.endswith("."), title


def test_a_card_names_data_lineage_and_program_of_its_run():
    """Data with its schema, the version of the dataset that held it, the packages imported, and the code."""
    schema = Schema((Column("age", "integer", "int64", 2),), ())
    held = Held("people", 4, 10, "blocks", "f" * 64, schema)
    run = run_of([read("frame"), read("noise", fingerprint=None, columns={"x": "1"})], ["import yaml", "fit(frame)"])
    environment = Environment("3.11", "CPython", "Linux", "x86_64", {"pyyaml": "6.0", "rare": "1", "numpy": "2.0"})
    card = card_of(version_of(environment="e" * 64), run=run, held=(held,), environment=environment)
    assert [(each.uri, each.name, each.rows) for each in card.data] == [
        ("data:/people@4", "frame", 10),
        (None, "noise", 10),
    ]
    assert [(each.name, each.type, each.missing) for each in card.data[0].columns] == [("age", "integer", 2)]
    assert card.environment.packages == {"pyyaml": "6.0", "numpy": "2.0"} and card.environment.total == 3
    assert card.program == "# %%\nimport yaml\n\n# %%\nfit(frame)"
    text = card.to_markdown()
    assert "data:/people&#64;4" in text and "```python\n# %%\nimport yaml" in text and "1 more packages" in text


def test_the_version_itself_remembers_its_data_when_its_run_is_gone():
    """What the registering event says of the data is told where the run is not here, and that it is not."""
    from trackbook.registry.events import DataSource

    card = card_of(version_of(datasets=(DataSource("people", "frame", "f" * 64, "data:/people@4"),)))
    assert [each.uri for each in card.data] == ["data:/people@4"]
    assert "The run aaaaaaaa is not here, so the program that made it is not known." in card.to_markdown()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "pickle"}, "kept as a pickle"),
        ({"override": "the boss said so", "stage": "production"}, "by an override"),
        ({"deprecated": "wrong labels"}, "deprecated: wrong labels"),
    ],
)
def test_what_must_not_be_overlooked_is_red_in_every_form(changes, said):
    """A pickle, an override and a deprecation are warnings at the top of Markdown and of HTML."""
    card = card_of(version_of(**changes))
    (warning,) = card.warnings
    assert said in warning
    assert f"> **⚠ {warning}" in card.to_markdown().replace("\\", "")
    (line,) = re.findall('<p class="tb-warning"[^>]*>', card.to_html())
    assert "#d0433b" in line


def test_events_are_told_and_an_override_among_them_is_red():
    """The history names who vouched for whom, and marks overrides and refusals."""
    payloads = [
        ("version_registered", {}, ""),
        ("gates_judged", {"stage": "production", "gates": [{"passed": True}, {"passed": False}]}, ""),
        ("promotion_refused", {"stage": "production", "lacks": ["a", "b"]}, ""),
        ("version_promoted", {"stage": "production", "override": True, "reason": "urgent"}, "jupyterhub"),
        ("something_new", {}, ""),
    ]
    events = tuple(
        AuditEvent(seq, seq, "ada", action, "models:/churn/3", json.dumps(payload), "", "", authority)
        for seq, (action, payload, authority) in enumerate(payloads)
    )
    told = [(each.who, each.what, each.why, each.red) for each in card_of(events=events).history]
    assert told == [
        ("ada (not authenticated)", "registered", "", False),
        ("ada (not authenticated)", "gates of production judged: 1 passed, 1 failed", "", False),
        ("ada (not authenticated)", "not promoted to production", "a; b", True),
        ("ada (jupyterhub)", "promoted to production by an override", "urgent", True),
        ("ada (not authenticated)", "something new", "", False),
    ]


def test_a_hostile_card_is_text_in_html():
    """Whatever is stored opens no element, sets no handler and stays readable."""
    page = hostile().to_html()
    tags = Tags(page)
    assert tags.names <= ALLOWED
    assert not {name for name in tags.attributes if name.startswith("on") or name in ("src", "href")}
    assert "<script>alert(1)</script>" in tags.text and "\u202e" not in page
    page.encode()


def test_a_hostile_card_is_text_in_markdown():
    """Parsed with HTML, tables and links allowed, hostile text makes no element, link, picture, heading or list."""
    body = hostile().to_markdown().split("\n---\n", 1)[1]
    parsed = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").parse(body)
    tokens = [token for each in parsed for token in (each, *(each.children or ()))]
    kinds = {token.type for token in tokens}
    assert not kinds & {
        "html_block",
        "html_inline",
        "link_open",
        "image",
        "bullet_list_open",
        "ordered_list_open",
        "hr",
    }
    headings = [parsed[at + 1].content for at, token in enumerate(parsed) if token.type == "heading_open"]
    assert headings == ["churn, version 3", *(section.title for section in sections(hostile()))]
    assert {token.type for token in tokens if token.type == "blockquote_open"}
    assert not re.search(r"(?<!`)https?://|www\.", re.sub("(?s)````+python.*?````+", "", body))
    assert "\u202e" not in body


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("`*_{}[]()#|~$@<>&!-+.=:/\\\"' 1ahtpsw\n"))))
@settings(max_examples=300)
def test_any_text_is_itself_in_markdown(text):
    """A cell of a table and a paragraph show any stored text as it is, on one line."""
    shown = " ".join(printable(text).encode("utf-8", "replace").decode().split())
    for source in (f"text: {markdown(text)}", f"| a | b |\n| --- | --- |\n| x{markdown(text)}x | y |"):
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(source)
        assert set(re.findall(r"</?(\w+)", html)) <= {"p", "table", "thead", "tbody", "tr", "th", "td"}
        told = unescape(re.sub(r"<[^>]*>", "", html))
        assert " ".join(told.split()) in (f"text: {shown}".strip(), " ".join(f"a b x{shown}x y".split()))


def test_a_hostile_program_does_not_leave_its_fence():
    """A program with fences of its own stands between longer ones."""
    text = card_of(run=run_of([], ["'''\n````\n# not a heading\n'''"])).to_markdown()
    assert "\n`````python\n" in text
    assert "not a heading" not in [token.content for token in MarkdownIt().parse(text) if token.type == "inline"]


def test_a_page_needs_nothing_from_elsewhere_and_prints():
    """One file: no address is loaded, both colour schemes are there, and so are rules for paper."""
    page = card_of(run=run_of([read("frame")], ["fit()"])).to_html()
    assert "default-src 'none'" in page and "prefers-color-scheme:dark" in page and "@media print" in page
    assert not re.search(r"""(src|href|url)\s*[=(]|@import""", page)


def test_a_card_is_plain_json():
    """Times are ISO 8601 and numbers that JSON does not have are text."""
    plain = card_of(version_of(metrics={"loss": math.nan}), run=run_of([read("frame")], ["fit()"])).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["created_time"].startswith("2023-11-14T") and plain["measures"][0]["value"] == "NaN"


def test_a_card_cannot_be_changed(bare):
    """A card is a value."""
    with pytest.raises(AttributeError):
        bare.limits = "none"
    assert msgspec.structs.replace(bare, limits="some") != bare
