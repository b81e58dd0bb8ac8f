"""Every error of the catalog is documented, asserted by a test, and declared in a module of errors."""

import ast

import pytest
from django.core.management import CommandError, call_command

from core.errors import ERROR_CATALOG
from core.management.commands.generate_error_docs import render
from tests.contracts.tree import sources, trees

render()  # imports the errors of every app
THIS_FILE = "tests/contracts/test_errors.py"


def find_asserted_names() -> set[str]:
    """Return every name and text in an assertion, in ``pytest.raises`` or in the cases of a test."""
    names: set[str] = set()
    for path, tree in trees("tests").items():
        if path == THIS_FILE:
            continue
        for node in ast.walk(tree):
            has_cases = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("raises", "parametrize"))
            if isinstance(node, ast.Assert) or has_cases:
                for part in ast.walk(node):
                    if isinstance(part, ast.Name):
                        names.add(part.id)
                    elif isinstance(part, ast.Attribute):
                        names.add(part.attr)
                    elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                        names.add(part.value)
    return names


@pytest.fixture(scope="module")
def asserted_names() -> set[str]:
    return find_asserted_names()


@pytest.mark.parametrize("code", sorted(ERROR_CATALOG))
def test_every_error_is_asserted_by_a_test(code: str, asserted_names: set[str]) -> None:
    assert {code, ERROR_CATALOG[code].__name__} & asserted_names, f"no test asserts {code}"


def test_documented_catalog_is_up_to_date() -> None:
    try:
        call_command("generate_error_docs", "--check")
    except CommandError as error:
        pytest.fail(str(error))


def test_errors_are_declared_in_modules_of_errors() -> None:
    elsewhere = [
        f"{path}:{node.name}"
        for path, tree in trees().items()
        if not path.endswith("errors.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).split(".")[-1] == "DomainError" for base in node.bases)
    ]

    assert elsewhere == []


def test_services_and_rules_raise_only_specific_domain_errors() -> None:
    texts = {path: text for path, text in sources().items() if "/services" in path or path.endswith("rules.py")}

    assert texts
    assert [path for path, text in texts.items() if "rest_framework" in text or "raise DomainError" in text] == []
