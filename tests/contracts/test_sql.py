"""Every hand-written statement says what it does, is run by one caller, and is understood by the migrated database."""

import ast
import re

import pytest
from django.db import connection

from segments.services import staging
from tests.contracts.tree import APPS, ROOT, strings, trees

FILES = sorted(
    str(path.relative_to(ROOT)) for app in APPS for room in ("sql", "lua") for path in (ROOT / app).rglob(f"{room}/*")
)
STATEMENTS = [path for path in FILES if path.endswith(".sql")]
SCRIPTS = [path for path in FILES if path.endswith(".lua")]
PARAMETER = re.compile(r"(?<!%)%\((\w+)\)s(?:::([a-z]+(?:\[\])?))?")


def test_there_are_statements() -> None:
    assert STATEMENTS
    assert SCRIPTS
    assert sorted(STATEMENTS + SCRIPTS) == FILES, "in these rooms stand .sql and .lua files alone"


@pytest.mark.parametrize("path", FILES)
def test_its_first_two_lines_say_what_it_does_and_what_it_upholds(path: str) -> None:
    does, upholds = (ROOT / path).read_text().splitlines()[:2]

    assert does.startswith("-- ")
    assert re.match(r"-- Upholds\b", upholds), upholds


@pytest.mark.parametrize("path", FILES)
def test_it_has_exactly_one_caller(path: str) -> None:
    callers = [where for where, text in strings() if text == path]
    callers += [where for where, text in templates() if re.fullmatch(text, path)]

    assert len(callers) == 1, callers


def templates() -> list[tuple[str, str]]:
    """Paths that are put together (``f"app/sql/{verb}_x.sql"``), as patterns, with the file that each stands in."""
    found = []
    for where, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+" for part in node.values
                ]
                pattern = "".join(parts)
                if re.search(r"\\\.(sql|lua)$", pattern):
                    found.append((where, pattern))
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("path", STATEMENTS)
def test_the_database_understands_it(path: str) -> None:
    statement = (ROOT / path).read_text()
    names = {name for name, _ in PARAMETER.findall(statement)}
    numbers = {name: number for number, name in enumerate(sorted(names), 1)}
    typed = PARAMETER.sub(lambda found: f"${numbers[found[1]]}" + (f"::{found[2]}" if found[2] else ""), statement)

    with connection.cursor() as cursor:
        if "segments_sent" in statement:
            cursor.execute(staging.OPEN)
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.cursor.execute(f"PREPARE its_plan AS {typed.replace('%%', '%')}".encode())
        arguments = f"({', '.join(['NULL'] * len(names))})" if names else ""
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE its_plan{arguments}")
        plan = cursor.fetchone()[0]
        cursor.execute("DEALLOCATE its_plan")

    assert plan


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_touches_only_the_keys_that_it_is_given(path: str) -> None:
    text = (ROOT / path).read_text()
    keys = re.findall(r"redis\.call\('[A-Z]+', ([^,)]+)", text)

    assert keys
    assert set(keys) <= {f"KEYS[{number}]" for number in range(1, 9)}


def test_no_statement_stands_in_python_but_small_ones() -> None:
    """A statement of several lines belongs into a file."""
    long = [
        (where, text[:60])
        for where, text in strings()
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s", text) and text.count("\n") > 2
    ]

    assert long == []
