"""System checks: the addresses of services outside make sense."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
NAMES = ("SEGMENTATION_SERVICE", "CAMPAIGN_ENGINE")


@register()
def check_addresses(**kwargs: Any) -> list[CheckMessage]:
    """Each is empty, or an http(s) address without a user, a query or a fragment."""
    return [
        Error(
            f"{name}_URL is not an address that can be called: {fault}.",
            hint="Such as https://segments.example/api; leave it empty where there is no such service.",
            id="outside.E001",
        )
        for name in NAMES
        if (fault := _error(getattr(settings, f"{name}_URL")))
    ]


@register(Tags.security, deploy=True)
def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """A key does not travel in the clear."""
    found: list[CheckMessage] = []
    for name in NAMES:
        url = urlsplit(getattr(settings, f"{name}_URL"))
        if url.scheme == "http" and url.hostname not in LOOPBACK and getattr(settings, f"{name}_KEY"):
            found.append(Warning(f"{name}_KEY is sent over plain HTTP.", hint="Use https://.", id="outside.W001"))
    return found


def _error(text: str) -> str:
    """What is wrong with an address; nothing when it can be called, or is empty."""
    if not text:
        return ""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError as error:
        return str(error)
    if url.scheme not in ("http", "https") or not url.hostname:
        return "it does not begin with http:// or https:// and a host"
    return "it has a user, a query or a fragment" if url.username or url.query or url.fragment else ""
