"""The source tree, for contract tests that read the code."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = [
    "accounts", "backoffice", "checkout", "core", "coupons", "discounts", "integrations", "mailings", "pricing",
    "promoplatform", "promotions", "redemptions", "segments", "vouchers",
]  # fmt: skip


@cache
def sources(*directories: str, suffix: str = ".py") -> dict[str, str]:
    """Return the text of each file in the directories, by its path from the root."""
    paths = sorted(path for directory in directories or APPS for path in (ROOT / directory).rglob(f"*{suffix}"))
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths if "migrations" not in path.parts}


@cache
def trees(*directories: str) -> dict[str, ast.Module]:
    """Return the syntax tree of each file in the directories, by its path from the root."""
    return {path: ast.parse(text) for path, text in sources(*directories).items()}


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a function by this name in the apps, with the path of the file."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                yield path, node


@cache
def strings(*directories: str) -> list[tuple[str, str]]:
    """Return every string constant in the directories, with the path of the file."""
    return [
        (path, node.value)
        for path, tree in trees(*directories).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
