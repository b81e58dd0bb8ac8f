"""The catalogue of refusals is documented, and each refusal is provoked by a test."""

import ast

import pytest
from django.core.management import CommandError, call_command

from core.errors import ERROR_CATALOG
from core.management.commands.generate_error_docs import render
from tests.contracts.tree import sources, trees

render()  # imports the errors of every app
WRITTEN_HERE = "tests/contracts/test_errors.py"


def asserted() -> set[str]:
    """Every name and text that stands in an assertion, in ``pytest.raises`` or among the cases of a test."""
    found: set[str] = set()
    for path, tree in trees("tests").items():
        if path == WRITTEN_HERE:
            continue
        for node in ast.walk(tree):
            is_raises = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("raises", "parametrize"))
            if isinstance(node, ast.Assert) or is_raises:
                found |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                found |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
                found |= {
                    one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return found


@pytest.fixture(scope="module")
def proven() -> set[str]:
    return asserted()


@pytest.mark.parametrize("code", sorted(ERROR_CATALOG))
def test_every_refusal_is_provoked_by_a_test(code: str, proven: set[str]) -> None:
    assert {code, ERROR_CATALOG[code].__name__} & proven, f"no test asserts that {code} is refused"


def test_the_documented_catalogue_is_fresh() -> None:
    try:
        call_command("errorcodes", "--check")
    except CommandError as error:
        pytest.fail(str(error))


def test_every_refusal_is_declared_in_a_room_called_errors() -> None:
    declared = [
        f"{path}:{node.name}"
        for path, tree in trees().items()
        if not path.endswith("errors.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).split(".")[-1] == "Refusal" for base in node.bases)
    ]

    assert declared == []


def test_no_one_raises_a_bare_refusal_or_a_framework_error() -> None:
    doors = {path: text for path, text in sources().items() if "/services" in path or path.endswith("rules.py")}

    assert doors
    assert [path for path, text in doors.items() if "rest_framework" in text or "raise Refusal" in text] == []
