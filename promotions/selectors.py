"""Questions about codes; writes nothing."""

from collections.abc import Collection
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from promotions.contracts import Redeemer
from promotions.models import Code


def kinds(*, codes: Collection[str]) -> dict[str, str]:
    """What each of the normalised codes is, by kind; unknown ones are absent. One query."""
    return dict(Code.objects.filter(pk__in=codes).values_list("pk", "kind"))


def text_of(*, digest: bytes) -> str | None:
    """The code whose SHA-256 is ``digest``."""
    return Code.objects.filter(digest=digest).values_list("pk", flat=True).first()


@cache
def redeemers() -> dict[str, Redeemer]:
    """The kinds of code that are installed, in the one order in which every transaction takes them."""
    return {kind: import_string(path)() for kind, path in sorted(settings.REDEEMERS.items())}
