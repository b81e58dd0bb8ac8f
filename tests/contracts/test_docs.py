"""The pages name existing links, URLs, commands and targets, and show valid bodies and offers."""

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
from discounts.contracts import TERMS, build_offer_document
from pricing import parse_offer
from tests.contracts.tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
ADR = ROOT / "docs" / "adr"


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """Return the page without its code blocks."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each relative link as (path, anchor)."""
    for target in LINK.findall(prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, in GitHub's format."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL)


def shell_text() -> str:
    """Return all shell examples of the pages."""
    return "\n".join(block for name in ("README.md", "docs/api.md") for block in blocks(name, "bash"))


def resolves(path: str) -> bool:
    """Return whether a view of the platform handles the path, other than the view for unknown paths."""
    return resolve(path).func is not api.not_found


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_between_pages_resolves(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page_name(page)} links to {path}"
        assert target.is_relative_to(ROOT), f"{page_name(page)} links to {path}"
        assert not anchor or anchor in anchors(target), f"{page_name(page)} links to {path}#{anchor}"


def test_every_page_is_reachable_from_the_readme() -> None:
    visited, pending = set(), [ROOT / "README.md"]

    while pending:
        page = pending.pop()
        if page not in visited:
            visited.add(page)
            targets = ((page.parent / path).resolve() for path, _ in links(page) if path.endswith(".md"))
            pending += [target for target in targets if target.exists()]

    assert [page_name(page) for page in PAGES if page not in visited] == []


def test_list_of_decisions_is_complete_and_in_order() -> None:
    listed = re.findall(r"^\| \[(\d+)\]\((\d{4}-[^)]+)\) \| (.+) \|$", (ADR / "README.md").read_text(), re.MULTILINE)
    files = sorted(path for path in ADR.glob("*.md") if path.name != "README.md")

    assert [name for _, name, _ in listed] == [path.name for path in files]
    assert [f"# {number}. {title}" for number, _, title in listed] == [
        path.read_text().splitlines()[0] for path in files
    ]


def test_request_bodies_are_valid_json() -> None:
    bodies = [body for body in re.findall(r"'(\{.*?\})'", shell_text(), re.DOTALL) if "$" not in body]

    assert len(bodies) >= 6
    for body in bodies:
        assert isinstance(json.loads(body), dict), body


def test_urls_in_shell_examples_exist() -> None:
    paths = set(re.findall(r"\$BASE(/[^\s\"?]+)", shell_text()))

    assert len(paths) >= 6
    for path in paths:
        assert resolves(re.sub(r"\$[A-Z]+", str(uuid.uuid4()), path)), path


def test_urls_on_the_api_page_exist() -> None:
    table = re.findall(r"^\| `(?:[A-Z]+ )+(/api/v1/[^`]+)`", (ROOT / "docs/api.md").read_text(), re.MULTILINE)

    assert len(table) >= 10
    for path in table:
        assert resolves(path.replace("<slug>", "billo").replace("<id>", str(uuid.uuid4()))), path


@pytest.mark.parametrize("text", blocks("docs/offers.md", "json"), ids=lambda text: " ".join(text.split())[:60])
def test_offer_examples_are_valid(text: str) -> None:
    value: dict[str, Any] = json.loads(text)

    if "discount" in value:
        value = build_offer_document(
            value["discount"], {key: item for key, item in value.items() if key in TERMS}, None
        )

    assert parse_offer(value, currency_exponent=money.decimals).benefits


def test_management_commands_on_pages_exist() -> None:
    text = "\n".join(page.read_text() for page in PAGES)

    assert sorted(set(re.findall(r"manage\.py ([a-z_]+)", text)) - set(get_commands())) == []


def test_make_targets_on_pages_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join(page.read_text() for page in PAGES)

    assert sorted(set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) - targets) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=page_name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    paths = re.findall(r"`([a-z_.]+/[\w./-]+\.(?:py|sql|html|lua|md|toml|yaml))`", page.read_text())

    assert [path for path in paths if not (ROOT / path).exists()] == []
