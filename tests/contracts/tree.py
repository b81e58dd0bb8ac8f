"""The source tree, as the contract tests read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ["accounts", "checkout", "coupons", "discounts", "promoplatform", "promotions", "segments", "vouchers"]


@cache
def sources(*folders: str, suffix: str = ".py") -> dict[str, str]:
    """The text of each file below the folders, by its path from the root."""
    found = sorted(path for folder in folders or APPS for path in (ROOT / folder).rglob(f"*{suffix}"))
    return {str(path.relative_to(ROOT)): path.read_text() for path in found if "migrations" not in path.parts}


@cache
def trees(*folders: str) -> dict[str, ast.Module]:
    """The same, parsed."""
    return {path: ast.parse(text) for path, text in sources(*folders).items()}


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a function by this bare name in the apps, with the file that it stands in."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield path, node


def strings(*folders: str) -> Iterator[tuple[str, str]]:
    """Every string constant below the folders, with the file that it stands in."""
    for path, tree in trees(*folders).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value
