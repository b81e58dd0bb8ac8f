"""The redemption backends that the settings install."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from core.errors import NotFound
from redemptions.contracts import CodeBackend, CodeOffer, RedemptionBackend, StandaloneBackend


@cache
def get_backends() -> dict[str, RedemptionBackend]:
    """Return the installed backends by kind, sorted: the order in which every transaction locks their rows."""
    return {kind: import_string(path) for kind, path in sorted(settings.REDEMPTION_BACKENDS.items())}


def get_offer_names(offers: Iterable[tuple[str, uuid.UUID | None]]) -> dict[uuid.UUID, str]:
    """Return the names of offers, given as kind and ID, by ID. Unknown offers are absent; a kind takes one query."""
    ids_by_kind: dict[str, set[uuid.UUID]] = {}
    for kind, offer in offers:
        if offer is not None:
            ids_by_kind.setdefault(kind, set()).add(offer)
    backends = get_backends()
    names: dict[uuid.UUID, str] = {}
    for kind, ids in ids_by_kind.items():
        if kind in backends:
            names |= backends[kind].offer_names(offers=ids)
    return names


@cache
def get_code_backends() -> dict[str, CodeBackend]:
    """Return the installed backends of kinds whose offers have codes, by kind, sorted."""
    return {kind: backend for kind, backend in get_backends().items() if isinstance(backend, CodeBackend)}


def get_code_backend(kind: str) -> CodeBackend:
    """Return the backend of a kind whose offers have codes. Raises KeyError for any other kind."""
    return get_code_backends()[kind]


def find_code_offer(offer: uuid.UUID, *, at: datetime) -> tuple[str, CodeOffer]:
    """Return the kind of an offer that has codes, and the offer. Raises NotFound."""
    for kind, backend in get_code_backends().items():
        if described := backend.describe_code_offers(offers=[offer], at=at).get(offer):
            return kind, described
    raise NotFound


@cache
def get_standalone_backends() -> dict[str, StandaloneBackend]:
    """Return the installed backends of kinds whose offers can be redeemed without an order, by kind, sorted."""
    return {kind: backend for kind, backend in get_backends().items() if isinstance(backend, StandaloneBackend)}
