"""What configures the platform is written down, and what is written down configures it."""

import re
from pathlib import Path

from promoplatform.devserver.embedded import CHECKOUT_DIR

READERS = re.compile(
    r"""\b(?:env|Env\(\))\.\w+\(\s*["']([A-Z][A-Z0-9_]+)["']|os\.environ\.get\(\s*"(PROMO_[A-Z0-9_]+)"|\$\{([A-Z_]+)"""
)


def listed() -> list[str]:
    lines = (CHECKOUT_DIR / ".env.example").read_text().splitlines()
    return [found[1] for line in lines if (found := re.match(r"# ?([A-Z][A-Z0-9_]+)=", line))]


def read_by(*paths: Path) -> set[str]:
    return {name for path in paths for found in READERS.findall(path.read_text()) for name in found if name}


def test_every_variable_that_is_read_is_listed_and_the_other_way_round() -> None:
    sources = [path for path in (CHECKOUT_DIR / "promoplatform").rglob("*.py") if "migrations" not in path.parts]

    assert set(listed()) == read_by(*sources, CHECKOUT_DIR / "Procfile")
    assert len(listed()) == len(set(listed()))


def test_compose_sets_only_variables_that_exist() -> None:
    service = (CHECKOUT_DIR / "compose.yaml").read_text().split("environment: &environment\n")[1].split("depends_on")[0]
    neighbours = {"POSTGRES_PASSWORD"}

    assert set(re.findall(r"^    ([A-Z_]+):", service, re.MULTILINE)) <= set(listed())
    assert read_by(CHECKOUT_DIR / "compose.yaml") <= set(listed()) | neighbours
