"""System checks of the redemption backends."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from redemptions.backends import get_backends
from redemptions.contracts import RedemptionBackend

BACKEND_METHODS = [name for name in vars(RedemptionBackend) if not name.startswith("_")]


@register()
def check_backends(**kwargs: Any) -> list[CheckMessage]:
    """Check that each backend in ``settings.REDEMPTION_BACKENDS`` has all methods and the kind of its key."""
    return [
        Error(
            f"REDEMPTION_BACKENDS[{kind!r}] is not a redemption backend of this kind:"
            f" {settings.REDEMPTION_BACKENDS[kind]}",
            id="redemptions.E001",
        )
        for kind, backend in get_backends().items()
        if kind != backend.KIND or not all(callable(getattr(backend, name, None)) for name in BACKEND_METHODS)
    ]
