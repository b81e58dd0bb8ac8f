"""Every variable that is read is documented, and every documented variable is read."""

import re
from collections.abc import Callable

import pytest

from tests.contracts.tree import ROOT, sources

READ = re.compile(r"""\b(?:env\.\w+|os\.environ(?:\.\w+)?)[(\[]\s*f?["']([A-Z][A-Z0-9_]+)["']""")
OURS_ALONE = {"DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PATH"}  # of Django, the tests and the operating system


def read() -> set[str]:
    text = "\n".join(text for path, text in sources("promoplatform").items())
    return set(READ.findall(text)) - OURS_ALONE


def exemplified() -> set[str]:
    return set(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE))


@pytest.mark.parametrize("known", [exemplified, documented], ids=[".env.example", "docs/configuration.md"])
def test_every_variable_that_is_read_is_known_and_the_other_way_round(known: Callable[[], set[str]]) -> None:
    elsewhere = {name for name in known() if any(name in text for text in processes())}

    assert sorted(read() - known()) == []
    assert sorted(known() - read() - elsewhere) == []


def processes() -> list[str]:
    """Where variables are read that are not Python's."""
    return [(ROOT / name).read_text() for name in ("Makefile", "Procfile", "Dockerfile") if (ROOT / name).exists()]


def test_no_variable_stands_twice() -> None:
    for name in (".env.example", "docs/configuration.md"):
        names = re.findall(r"^(?:# ?|\| `)([A-Z][A-Z0-9_]+)(?:=|` \|)", (ROOT / name).read_text(), re.MULTILINE)
        assert sorted(names) == sorted(set(names)), name


@pytest.mark.parametrize("app", ["accounts", "checkout", "discounts", "promotions", "segments"])
def test_apps_read_settings_and_never_the_environment(app: str) -> None:
    assert [path for path, text in sources(app).items() if "environ" in text] == []
