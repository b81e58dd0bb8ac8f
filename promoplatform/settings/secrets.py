"""What a secret must be like, so that nobody can guess it."""

import zlib

from django.core.exceptions import ImproperlyConfigured

MIN_LENGTH = 50
MIN_COMPRESSED_BYTES = 32  # what is left of repeated words and single letters is shorter
PLACEHOLDERS = ("insecure", "django-insecure", "change", "secret", "password", "example")
ADVICE = (
    "Set it to a random text of at least 50 characters: "
    'python -c "import secrets; print(secrets.token_urlsafe(64))"'
)  # fmt: skip


def check_secret(name: str, value: str) -> str:
    """Return the value of a secret. Raises ImproperlyConfigured if it is missing, short or easy to guess."""
    if not value:
        raise ImproperlyConfigured(f"{name} is missing. {ADVICE}")
    if len(value) < MIN_LENGTH:
        raise ImproperlyConfigured(f"{name} has fewer than {MIN_LENGTH} characters. {ADVICE}")
    if value.lower().startswith(PLACEHOLDERS) or _compressed_size(value) < MIN_COMPRESSED_BYTES:
        raise ImproperlyConfigured(f"{name} is easy to guess. {ADVICE}")
    return value


def _compressed_size(text: str) -> int:
    return len(zlib.compress(text.encode(), 9, -zlib.MAX_WBITS))
