"""System checks: what must hold before anything starts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

from core.renames import SETTINGS


@register(Tags.database)
def check_postgresql(**kwargs: Any) -> list[CheckMessage]:
    """The database keeps the promises, so it must be PostgreSQL."""
    if connection.vendor != "postgresql":
        return [
            Error(
                "promoplatform needs PostgreSQL.", hint="Set DATABASE_URL to a postgresql:// address.", id="kernel.E001"
            )
        ]
    return []


@register(Tags.security, deploy=True)
def check_secret_key(**kwargs: Any) -> list[CheckMessage]:
    """A server that is reachable needs a secret of its own."""
    if not settings.DEBUG and settings.SECRET_KEY.startswith("insecure-"):
        return [Error("SECRET_KEY is the development default.", hint="Set SECRET_KEY.", id="kernel.E002")]
    return []


@register()
def check_renamed_settings(**kwargs: Any) -> list[CheckMessage]:
    """Report settings that still have the name of the previous release, which nothing reads any more."""
    return [
        Error(f"The setting {old_name} was renamed to {name}.", hint=f"Rename it to {name}.", id="kernel.E003")
        for old_name, name in SETTINGS.items()
        if hasattr(settings, old_name)
    ]
