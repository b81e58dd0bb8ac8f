"""The redemption backends that the settings install."""

from functools import cache
from importlib import import_module
from typing import cast

from django.conf import settings

from redemptions.contracts import RedemptionBackend


@cache
def get_backends() -> dict[str, RedemptionBackend]:
    """Return the installed backends by kind, sorted: the order in which every transaction locks their rows."""
    return {
        kind: cast("RedemptionBackend", import_module(path))
        for kind, path in sorted(settings.REDEMPTION_BACKENDS.items())
    }
