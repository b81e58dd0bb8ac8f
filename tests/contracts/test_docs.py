"""What the pages say is there is there: links, addresses, bodies, offers, commands."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from django.urls import resolve

from core import api, money
from discounts import rules
from pricing import parse_offer
from tests.contracts.tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
ADR = ROOT / "docs" / "adr"


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Each relative link, as (path, anchor)."""
    for target in LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)


def shell() -> str:
    """Every line that a reader of these pages may paste."""
    return "\n".join(block for name in ("README.md", "docs/api.md") for block in blocks(name, "bash"))


def leads_somewhere(path: str) -> bool:
    """Whether a view of ours answers there, and not the one that says that nothing is."""
    return resolve(path).func is not api.not_found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_between_pages_resolves(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{named(page)} links to {path}"
        assert target.is_relative_to(ROOT), f"{named(page)} links to {path}"
        assert not anchor or anchor in anchors(target), f"{named(page)} links to {path}#{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]

    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            found = ((page.parent / path).resolve() for path, _ in links(page) if path.endswith(".md"))
            waiting += [each for each in found if each.exists()]

    assert [named(page) for page in PAGES if page not in seen] == []


def test_the_list_of_decisions_is_complete_and_in_order() -> None:
    listed = re.findall(r"^\| \[(\d+)\]\((\d{4}-[^)]+)\) \| (.+) \|$", (ADR / "README.md").read_text(), re.MULTILINE)
    files = sorted(path for path in ADR.glob("*.md") if path.name != "README.md")

    assert [name for _, name, _ in listed] == [path.name for path in files]
    assert [f"# {number}. {title}" for number, _, title in listed] == [
        path.read_text().splitlines()[0] for path in files
    ]


def test_every_body_that_a_reader_may_paste_is_json() -> None:
    bodies = [body for body in re.findall(r"'(\{.*?\})'", shell(), re.DOTALL) if "$" not in body]

    assert len(bodies) >= 6
    for body in bodies:
        assert isinstance(json.loads(body), dict), body


def test_every_address_that_a_reader_may_paste_is_one_of_the_platform() -> None:
    paths = set(re.findall(r"\$BASE(/[^\s\"?]+)", shell()))

    assert len(paths) >= 6
    for path in paths:
        assert leads_somewhere(re.sub(r"\$[A-Z]+", str(uuid.uuid4()), path)), path


def test_every_address_in_the_api_page_is_one_of_the_platform() -> None:
    table = re.findall(r"^\| `(?:[A-Z]+ )+(/api/v1/[^`]+)`", (ROOT / "docs/api.md").read_text(), re.MULTILINE)

    assert len(table) >= 10
    for path in table:
        assert leads_somewhere(path.replace("<slug>", "billo").replace("<id>", str(uuid.uuid4()))), path


@pytest.mark.parametrize("text", blocks("docs/offers.md", "json"), ids=lambda text: " ".join(text.split())[:60])
def test_every_example_of_an_offer_is_one(text: str) -> None:
    value: dict[str, Any] = json.loads(text)

    if "discount" in value:
        value = rules.build_offer_document(
            value["discount"], {key: it for key, it in value.items() if key in rules.TERMS}
        )

    assert parse_offer(value, currency_exponent=money.decimals).benefits


def test_every_command_of_the_platform_that_a_page_names_exists() -> None:
    text = "\n".join(page.read_text() for page in PAGES)

    assert sorted(set(re.findall(r"manage\.py ([a-z_]+)", text)) - set(get_commands())) == []


def test_every_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join(page.read_text() for page in PAGES)

    assert sorted(set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) - targets) == []
