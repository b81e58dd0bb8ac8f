"""System checks of the URLs and keys of external services."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
NAMES = ("SEGMENTATION_SERVICE", "CAMPAIGN_ENGINE")


@register()
def check_urls(**kwargs: Any) -> list[CheckMessage]:
    """Check that each URL is empty or an http(s) URL without a user, a query or a fragment."""
    return [
        Error(
            f"{name}_URL is not a valid URL: {error}.",
            hint="For example https://segments.example/api. Leave it empty if there is no such service.",
            id="outside.E001",
        )
        for name in NAMES
        if (error := _error(getattr(settings, f"{name}_URL")))
    ]


@register(Tags.security, deploy=True)
def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """Check that no key is sent unencrypted."""
    warnings: list[CheckMessage] = []
    for name in NAMES:
        url = urlsplit(getattr(settings, f"{name}_URL"))
        if url.scheme == "http" and url.hostname not in LOOPBACK and getattr(settings, f"{name}_KEY"):
            warnings.append(Warning(f"{name}_KEY is sent over plain HTTP.", hint="Use https://.", id="outside.W001"))
    return warnings


def _error(text: str) -> str:
    """Return what is wrong with a URL; an empty string if it is valid or empty."""
    if not text:
        return ""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        return str(error)
    if url.scheme not in ("http", "https") or not url.hostname:
        return "it does not start with http:// or https:// and a host"
    return "it has a user, a query or a fragment" if url.username or url.query or url.fragment else ""
