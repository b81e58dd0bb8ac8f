"""System checks of the trade."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from promotions.contracts import Redeemer
from promotions.selectors import redeemers

VERBS = [name for name in vars(Redeemer) if not name.startswith("_")]


@register()
def check_redeemers(**kwargs: Any) -> list[CheckMessage]:
    """Each entry of ``settings.REDEEMERS`` keeps the Redeemer protocol and answers for its own kind."""
    return [
        Error(f"REDEEMERS[{kind!r}] is no redeemer of {kind}: {settings.REDEEMERS[kind]}", id="promotions.E001")
        for kind, redeemer in redeemers().items()
        if redeemer.kind != kind or not all(callable(getattr(redeemer, verb, None)) for verb in VERBS)
    ]
