"""Every environment variable that is read is documented, and every documented variable is read."""

import re
from collections.abc import Callable

import pytest

from tests.contracts.tree import APPS, ROOT, sources

READ = re.compile(
    r"""\b(?:env\.\w+|os\.environ(?:\.\w+)?)[(\[]\s*f?["']([A-Z][A-Z0-9_]+)["']"""
    r"""|\bread_renamed\(\s*env\.\w+,\s*["']([A-Z][A-Z0-9_]+)["']"""
)
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "PATH"}  # of Django, the tests and the operating system


def read_variables() -> set[str]:
    text = "\n".join(sources("promoplatform").values())
    return {name for names in READ.findall(text) for name in names if name} - NOT_OURS


def example_variables() -> set[str]:
    return set(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def documented_variables() -> set[str]:
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE))


def process_files() -> list[str]:
    """Return the files other than Python that read variables."""
    return [(ROOT / name).read_text() for name in ("Makefile", "Procfile", "Dockerfile") if (ROOT / name).exists()]


@pytest.mark.parametrize(
    "list_known", [example_variables, documented_variables], ids=[".env.example", "docs/configuration.md"]
)
def test_exactly_the_variables_that_are_read_are_listed(list_known: Callable[[], set[str]]) -> None:
    known = list_known()
    elsewhere = {name for name in known if any(name in text for text in process_files())}

    assert len(known) > 30
    assert sorted(read_variables() - known) == []
    assert sorted(known - read_variables() - elsewhere) == []


def test_no_variable_is_listed_twice() -> None:
    for name in (".env.example", "docs/configuration.md"):
        names = re.findall(r"^(?:# ?|\| `)([A-Z][A-Z0-9_]+)(?:=|` \|)", (ROOT / name).read_text(), re.MULTILINE)
        assert sorted(names) == sorted(set(names)), name


@pytest.mark.parametrize("app", [app for app in APPS if app != "promoplatform"])
def test_apps_read_settings_and_never_the_environment(app: str) -> None:
    assert [path for path, text in sources(app).items() if "environ[" in text or "os.environ" in text] == []
