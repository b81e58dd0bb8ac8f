"""System checks of the trade."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from promotions.contracts import RedemptionBackend
from promotions.selectors.backends import get_backends

BACKEND_METHODS = [name for name in vars(RedemptionBackend) if not name.startswith("_")]


@register()
def check_backends(**kwargs: Any) -> list[CheckMessage]:
    """Each entry of ``settings.REDEMPTION_BACKENDS`` keeps the Redeemer protocol and answers for its own kind."""
    return [
        Error(
            f"REDEMPTION_BACKENDS[{kind!r}] is no redeemer of {kind}: {settings.REDEMPTION_BACKENDS[kind]}",
            id="promotions.E001",
        )
        for kind, redeemer in get_backends().items()
        if redeemer.KIND != kind or not all(callable(getattr(redeemer, verb, None)) for verb in BACKEND_METHODS)
    ]
