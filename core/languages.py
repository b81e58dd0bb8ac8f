"""Languages: tags as callers write them (BCP 47), and the languages that the platform speaks."""

import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 35  # of a tag with language, script, region and variants (RFC 5646)
UNKNOWN = _("Enter the tag of a language that the platform speaks: %(languages)s.")
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def find_language(tag: str) -> str | None:
    """Return the language of the platform for a tag (``es`` for ``es-MX``), or None if the platform has none."""
    if len(tag) > MAX_LENGTH or not _TAG.fullmatch(tag):
        return None
    try:
        return translation.get_supported_language_variant(tag.lower())
    except LookupError:
        return None


def list_languages() -> list[str]:
    """Return the tags of the languages that the platform speaks."""
    return [code for code, _name in settings.LANGUAGES]


def validate_language(language: str) -> None:
    """Check that this is a language of the platform. Raises ValidationError."""
    if language not in list_languages():
        raise ValidationError(UNKNOWN, code="invalid", params={"languages": ", ".join(list_languages())})
