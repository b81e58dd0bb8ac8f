"""docs/invariants.md names existing constraints, statements and tests, and every constraint that is translated."""

import ast
import re
from dataclasses import dataclass, field
from functools import cache

import pytest
from django.db import connection

from tests.contracts.tree import ROOT, calls, trees

LABELS = {"Constraints", "Statements", "Race tests", "Tests without the guard"}


@dataclass
class Section:
    """Section of one guarantee, with the names in its list by label."""

    title: str
    guarantee: str
    names: dict[str, list[str]] = field(default_factory=dict)


def read_sections() -> list[Section]:
    """Read the sections of the page: a heading, the guarantee as text, and a list of names in backticks."""
    sections = []
    for part in re.split(r"^### ", (ROOT / "docs/invariants.md").read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        body = re.split(r"^## ", body, flags=re.MULTILINE)[0]
        section = Section(title, re.split(r"^- ", body, flags=re.MULTILINE)[0].strip())
        for label, names in re.findall(r"^- ([^:\n]+): (.+)$", body, re.MULTILINE):
            section.names[label] = re.findall(r"`([^`]+)`", names)
        sections.append(section)
    return sections


SECTIONS = read_sections()


def named(label: str) -> list[str]:
    return sorted({name for section in SECTIONS for name in section.names.get(label, [])})


@cache
def functions() -> set[str]:
    return {
        node.name for tree in trees("tests").values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    }


def test_every_section_has_a_guarantee_and_names_what_enforces_it() -> None:
    assert len(SECTIONS) > 60
    assert len(named("Constraints")) > 50
    for section in SECTIONS:
        assert section.guarantee, section.title
        assert section.names, section.title
        assert set(section.names) <= LABELS, section.title
        assert all(section.names.values()), section.title


@pytest.mark.django_db
@pytest.mark.parametrize("name", named("Constraints"))
def test_constraint_exists(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = %(name)s AND convalidated)"
            " OR EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE c.relname = %(name)s AND i.indisunique AND i.indisvalid)",
            {"name": name},
        )
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("path", named("Statements"))
def test_statement_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", sorted({*named("Race tests"), *named("Tests without the guard")}))
def test_named_test_exists(name: str) -> None:
    assert name in functions()


def test_every_statement_names_a_constraint_that_it_upholds() -> None:
    known = set(named("Constraints"))
    unrelated = {
        path: names
        for path in named("Statements")
        if not (names := set(re.findall(r"\b[a-z]+_[a-z_]+\b", (ROOT / path).read_text().splitlines()[1]))) & known
    }

    assert unrelated == {}


def test_every_constraint_that_is_translated_to_an_error_is_listed() -> None:
    translated = {
        str(call.args[0].value)
        for _, call in calls("translate_constraint")
        if call.args and isinstance(call.args[0], ast.Constant)
    }

    assert translated
    assert sorted(translated - set(named("Constraints"))) == []
