"""What an API key may be allowed: its scopes, and the addresses that may use it."""

import ipaddress
from collections.abc import Collection

from django.utils.translation import gettext as _

from accounts.contracts import BRAND_SCOPES, PLATFORM_SCOPES, Scope
from core.errors import InvalidRequest


def parse_network(text: str) -> str:
    """Return an IP address or network in CIDR notation. Raises InvalidRequest (field ``addresses``)."""
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError as error:
        detail = _("Enter IP addresses or networks such as 203.0.113.0/24.")
        raise InvalidRequest.field("addresses", detail) from error


def check_key_scopes(scopes: Collection[Scope], *, of_brand: bool) -> tuple[Scope, ...]:
    """Return the scopes of an API key in the order of their declaration, each once.

    Raises InvalidRequest (field ``scopes``) for none, and for scopes that keys of a brand or the platform can't have.
    """
    chosen = tuple(scope for scope in Scope if scope in scopes)
    if of_brand and (not chosen or not set(chosen) <= set(BRAND_SCOPES)):
        choices = ", ".join(BRAND_SCOPES)
        raise InvalidRequest.field("scopes", _("Choose at least one of: %(choices)s.") % {"choices": choices})
    if not of_brand and (len(chosen) != 1 or chosen[0] not in PLATFORM_SCOPES):
        choices = ", ".join(PLATFORM_SCOPES)
        detail = _("A key without a brand has one of these scopes: %(choices)s.")
        raise InvalidRequest.field("scopes", detail % {"choices": choices})
    return chosen
