"""System checks of the database and the settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

from core.renames import SETTINGS


@register(Tags.database)
def check_postgresql(**kwargs: Any) -> list[CheckMessage]:
    """Check that the database is PostgreSQL, whose constraints and locks the platform relies on."""
    if connection.vendor != "postgresql":
        return [
            Error(
                "promoplatform requires PostgreSQL.", hint="Set DATABASE_URL to a postgresql:// URL.", id="kernel.E001"
            )
        ]
    return []


@register()
def check_renamed_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check that no setting has its name of the previous release, which is not read anymore."""
    return [
        Error(f"The setting {old_name} was renamed to {name}.", hint=f"Rename it to {name}.", id="kernel.E003")
        for old_name, name in SETTINGS.items()
        if hasattr(settings, old_name)
    ]
