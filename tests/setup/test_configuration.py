"""The example of the environment file and compose.yaml name the variables that the code reads."""

import re
from pathlib import Path

from promoplatform.devserver.embedded import CHECKOUT_DIR

VARIABLE_PATTERN = re.compile(
    r"""\b(?:env|Env\(\))\.\w+\(\s*["']([A-Z][A-Z0-9_]+)["']|os\.environ\.get\(\s*"(PROMO_[A-Z0-9_]+)"|\$\{([A-Z_]+)"""
    r"""|\bread_renamed\(\s*env\.\w+,\s*["']([A-Z][A-Z0-9_]+)["']"""
)


def listed_variables() -> list[str]:
    lines = (CHECKOUT_DIR / ".env.example").read_text().splitlines()
    return [found[1] for line in lines if (found := re.match(r"# ?([A-Z][A-Z0-9_]+)=", line))]


def variables_read_by(*paths: Path) -> set[str]:
    return {name for path in paths for found in VARIABLE_PATTERN.findall(path.read_text()) for name in found if name}


def test_example_file_lists_exactly_the_variables_that_are_read() -> None:
    sources = [path for path in (CHECKOUT_DIR / "promoplatform").rglob("*.py") if "migrations" not in path.parts]

    assert set(listed_variables()) == variables_read_by(*sources, CHECKOUT_DIR / "Procfile")
    assert len(listed_variables()) == len(set(listed_variables()))


def test_compose_sets_only_variables_that_exist() -> None:
    service = (CHECKOUT_DIR / "compose.yaml").read_text().split("environment: &environment\n")[1].split("depends_on")[0]
    other_services = {"POSTGRES_PASSWORD"}

    assert set(re.findall(r"^    ([A-Z_]+):", service, re.MULTILINE)) <= set(listed_variables())
    assert variables_read_by(CHECKOUT_DIR / "compose.yaml") <= set(listed_variables()) | other_services
