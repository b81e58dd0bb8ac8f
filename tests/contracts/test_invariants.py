"""Every name in docs/invariants.md exists, and every constraint of a hot table stands there."""

import ast
import re

import pytest
from django.db import connection

from tests.contracts.tree import ROOT, trees

COLUMNS = ["promise", "constraint", "statement", "race test", "seen without the guard"]
LINES = [line for line in (ROOT / "docs/invariants.md").read_text().splitlines() if line.startswith("|")]
ROWS = [
    dict(
        zip(
            COLUMNS,
            [re.findall(r"`([^`]+)`", cell) or cell.strip() for cell in line.strip("|").split("|")],
            strict=True,
        )
    )
    for line in LINES
    if not line.startswith(("| promise", "|---"))
]


def named(column: str) -> list[str]:
    return sorted({name for row in ROWS for name in row[column] if isinstance(row[column], list)})


def functions() -> set[str]:
    return {
        node.name for tree in trees("tests").values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    }


def test_the_tables_can_be_read() -> None:
    assert len(ROWS) > 20
    assert len(named("constraint")) > 20
    assert all(isinstance(row["promise"], str) and row["promise"] for row in ROWS)


@pytest.mark.django_db
@pytest.mark.parametrize("name", named("constraint"))
def test_the_constraint_exists(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = %(name)s AND convalidated)"
            " OR EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE c.relname = %(name)s AND i.indisunique AND i.indisvalid)",
            {"name": name},
        )
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize("path", named("statement"))
def test_the_statement_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", sorted({*named("race test"), *named("seen without the guard")}))
def test_the_test_exists(name: str) -> None:
    assert name in functions()


def test_each_statement_says_itself_which_of_these_constraints_it_upholds() -> None:
    known = set(named("constraint"))
    strange = {
        path: found
        for path in named("statement")
        if not (found := set(re.findall(r"\b[a-z]+_[a-z_]+\b", (ROOT / path).read_text().splitlines()[1]))) & known
    }

    assert strange == {}


def test_every_promise_that_refuses_by_its_constraint_stands_in_the_tables() -> None:
    """What ``refuse("constraint", …)`` answers is a promise to callers."""
    refused = {
        str(node.args[0].value)
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] == "refuse"
        and isinstance(node.args[0], ast.Constant)
    }

    assert refused
    assert sorted(refused - set(named("constraint"))) == []
