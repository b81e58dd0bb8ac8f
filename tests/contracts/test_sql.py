"""Every hand-written statement states its purpose, has one caller, and can be planned by the migrated database."""

import ast
import re
from functools import cache

import pytest
from django.db import connection

from redemptions.codes.services import batches
from segments.services import staging
from tests.contracts.tree import APPS, ROOT, strings, trees

PATHS = sorted(
    str(path.relative_to(ROOT)) for app in APPS for room in ("sql", "lua") for path in (ROOT / app).rglob(f"{room}/*")
)
STATEMENTS = [path for path in PATHS if path.endswith(".sql")]
SCRIPTS = [path for path in PATHS if path.endswith(".lua")]
PARAMETER = re.compile(r"(?<!%)%\((\w+)\)s(?:::([a-z]+(?:\[\])?))?")


def test_sql_directories_contain_only_statements_and_scripts() -> None:
    assert STATEMENTS
    assert SCRIPTS
    assert sorted(STATEMENTS + SCRIPTS) == PATHS, "in these rooms stand .sql and .lua files alone"


@pytest.mark.parametrize("path", PATHS)
def test_first_two_lines_state_the_purpose_and_the_constraints(path: str) -> None:
    purpose, constraints = (ROOT / path).read_text().splitlines()[:2]

    assert purpose.startswith("-- ")
    assert re.match(r"-- Upholds\b", constraints), constraints


@pytest.mark.parametrize("path", PATHS)
def test_statement_has_exactly_one_caller(path: str) -> None:
    callers = [location for location, text in strings() if text == path]
    callers += [location for location, text in path_patterns() if re.fullmatch(text, path)]

    assert len(callers) == 1, callers


@cache
def path_patterns() -> list[tuple[str, str]]:
    """Return paths that are composed (``f"app/sql/{verb}_x.sql"``) as patterns, with the path of their module."""
    patterns = []
    for location, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+" for part in node.values
                ]
                pattern = "".join(parts)
                if re.search(r"\\\.(sql|lua)$", pattern):
                    patterns.append((location, pattern))
    return patterns


@pytest.mark.django_db
@pytest.mark.parametrize("path", STATEMENTS)
def test_database_can_plan_the_statement(path: str) -> None:
    statement = (ROOT / path).read_text()
    names = {name for name, _ in PARAMETER.findall(statement)}
    numbers = {name: number for number, name in enumerate(sorted(names), 1)}
    typed = PARAMETER.sub(lambda match: f"${numbers[match[1]]}" + (f"::{match[2]}" if match[2] else ""), statement)

    with connection.cursor() as cursor:
        if "segments_sent" in statement:
            cursor.execute(staging.CREATE_TABLE)
        if "redemptions_drawn" in statement:
            cursor.execute(batches.CREATE_TABLE)
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.cursor.execute(f"PREPARE its_plan AS {typed.replace('%%', '%')}".encode())
        arguments = f"({', '.join(['NULL'] * len(names))})" if names else ""
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE its_plan{arguments}")
        plan = cursor.fetchone()[0]
        cursor.execute("DEALLOCATE its_plan")

    assert plan


@pytest.mark.parametrize("path", SCRIPTS)
def test_script_uses_only_its_declared_keys(path: str) -> None:
    text = (ROOT / path).read_text()
    keys = re.findall(r"redis\.call\('[A-Z]+', ([^,)]+)", text)

    assert keys
    assert set(keys) <= {f"KEYS[{number}]" for number in range(1, 9)}


def test_long_statements_are_in_sql_files() -> None:
    """Check that statements of several lines are in files."""
    long_statements = [
        (location, text[:60])
        for location, text in strings()
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s", text) and text.count("\n") > 2
    ]

    assert long_statements == []
