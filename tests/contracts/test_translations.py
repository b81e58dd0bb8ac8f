"""Every text of an email is translated into every language that the platform speaks."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings

from promoplatform.devserver.messages import SOURCE, catalog_of, list_languages

ROOT = Path(settings.BASE_DIR)
SHARED = {"backoffice/base/formatting.py"}  # dates, amounts and periods in emails
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%")
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != SOURCE]


def list_sources() -> set[str]:
    """Return the files with texts of emails: their modules, and templates that are or extend those of emails."""
    modules = {path for path in ROOT.glob("*/**/emails.py") if ".venv" not in path.parts}
    templates = {path for path in ROOT.glob("templates/**/*.*") if "mail/base." in path.read_text()}
    paths = modules | templates | set(ROOT.glob("templates/mail/*.*"))
    return {str(path.relative_to(ROOT)) for path in paths} | SHARED


def list_messages(language: str) -> Iterator[Message]:
    sources = list_sources()
    with (ROOT / catalog_of(language)).open("rb") as file:
        for message in read_po(file):
            if message.id and {path for path, _line in message.locations} & sources:
                yield message


def read_texts(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the source texts and the translations of a message, with one or two forms each."""
    sources = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    translations = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return sources, translations


def is_translated(message: Message) -> bool:
    return bool(message.id) and not message.fuzzy and all(read_texts(message)[1])


def test_every_language_of_the_platform_has_a_catalog() -> None:
    assert sorted(list_languages()) == sorted(code for code, _name in settings.LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_an_email_is_translated(language: str) -> None:
    messages = list(list_messages(language))

    missing = [message.id for message in messages if not is_translated(message)]

    assert len(messages) > 50
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_placeholders_of_their_texts(language: str) -> None:
    with (ROOT / catalog_of(language)).open("rb") as file:
        messages = [message for message in read_po(file) if is_translated(message)]

    different = []
    for message in messages:
        sources, translations = read_texts(message)
        expected = set(PLACEHOLDER.findall(sources[-1]))
        if any(set(PLACEHOLDER.findall(translation)) != expected for translation in translations):
            different.append(message.id)

    assert different == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogs_have_the_translations(language: str) -> None:
    path = ROOT / catalog_of(language)
    with path.open("rb") as written, path.with_suffix(".mo").open("rb") as compiled:
        catalogs = [read_po(written), read_mo(compiled)]

    texts = [dict(map(read_texts, filter(is_translated, catalog))) for catalog in catalogs]

    assert texts[0] == texts[1], "Run `make messages`."
