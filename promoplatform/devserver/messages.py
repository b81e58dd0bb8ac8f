"""The message catalogs of all languages: update and compile them, or check that they are current.

python -m promoplatform.devserver.messages            update locale/*
python -m promoplatform.devserver.messages --check    exit 1 if they are not current; change nothing
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "en"  # the language of the messages in the code, whose catalog has no translations
IGNORED = (".venv", ".data*", "staticfiles", "node_modules", "tests", "benchmarks")
OPTIONS = ("--no-obsolete", "--add-location", "file", "--verbosity", "0")


def list_languages() -> list[str]:
    """Return the languages that have a catalog, the source first."""
    names = (path.parents[1].name for path in ROOT.glob("locale/*/LC_MESSAGES/django.po"))
    return sorted(names, key=lambda name: (name != SOURCE, name))


def catalog_of(language: str) -> Path:
    """Return the path of a language's catalog, relative to a checkout."""
    return Path("locale") / language / "LC_MESSAGES" / "django.po"


def extract(directory: Path) -> None:
    """Extract the messages of a checkout into its catalogs, and compile these. Raises CalledProcessError."""
    ignored = [option for pattern in IGNORED for option in ("--ignore", pattern)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "DEBUG": "true"}
    locales = [option for language in list_languages() for option in ("--locale", language)]
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", *locales, *OPTIONS, *ignored],
        cwd=directory,
        env=environment,
        check=True,
    )
    for language in list_languages():
        if language != SOURCE:
            compile_catalog(directory / catalog_of(language))


def compile_catalog(path: Path) -> None:
    """Write the translated messages of a catalog in the form that Python reads, beside it, if they changed."""
    with path.open("rb") as source:
        catalog = read_po(source)
    for message in [message for message in catalog if message.id and not all(_forms_of(message.string))]:
        catalog.delete(message.id, message.context)  # else its plural forms would be those of the source
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    target = path.with_suffix(".mo")
    if _translations_of(target) != _read_translations(io.BytesIO(compiled.getvalue())):
        target.write_bytes(compiled.getvalue())


def _forms_of(translation: Any) -> list[str]:
    return [translation] if isinstance(translation, str) else list(translation)


def messages_of(catalog: Path) -> list[str]:
    """Return the lines of a catalog without the dates of its header; nothing if there is no catalog."""
    if not catalog.exists():
        return []
    return [line for line in catalog.read_text().splitlines() if not line.startswith('"POT-Creation-Date')]


def list_outdated() -> list[Path]:
    """Return the catalogs that differ from what the code and the translations give, by extracting them from a copy."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", *IGNORED))
        extract(copy)
        catalogs = [catalog_of(language) for language in list_languages()]
        return [catalog for catalog in catalogs if not _is_current(copy, catalog)]


def _is_current(copy: Path, catalog: Path) -> bool:
    compiled = catalog.with_suffix(".mo")
    same_messages = messages_of(copy / catalog) == messages_of(ROOT / catalog)
    return same_messages and _translations_of(copy / compiled) == _translations_of(ROOT / compiled)


def _translations_of(compiled: Path) -> dict[str, Any]:
    """Return the translations of a compiled catalog without its header; nothing if there is no such file."""
    if not compiled.exists():
        return {}
    return _read_translations(io.BytesIO(compiled.read_bytes()))


def _read_translations(compiled: io.BytesIO) -> dict[str, Any]:
    return {f"{message.context}: {message.id}": message.string for message in read_mo(compiled) if message.id}


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit code."""
    if shutil.which("xgettext") is None:
        print("GNU gettext is not installed (apt-get install gettext).", file=sys.stderr)
        return 2
    if "--check" not in arguments:
        extract(ROOT)
        return 0
    outdated = list_outdated()
    for catalog in outdated:
        print(f"{catalog} is not current. Run `make messages`.", file=sys.stderr)
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
