"""Services that create and end grants between brands."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import AcceptanceGrant, Brand
from core.budgets import parse_budgets
from core.db import translate_constraint
from core.errors import Busy, InvalidRequest


@transaction.atomic
def create_grant(
    *,
    issuer: Brand,
    acceptor: Brand,
    kinds: Collection[str],
    max_per_month: str | Mapping[str, str] | None = None,
    at: datetime,
) -> AcceptanceGrant:
    """Let another brand's server give the issuer's offers of these kinds. Replaces the current grant to that brand.

    ``max_per_month`` is the most that they give in a month, in the issuer's currency or by currency; what was given in
    the present month counts. Raises InvalidRequest for the brand itself and for amounts, and Busy if another request
    creates one at the same time.
    """
    if issuer == acceptor:
        raise InvalidRequest.field("acceptor", _("A brand always gives its own offers. Choose another brand."))
    maximum = parse_budgets(max_per_month, currency=issuer.currency, field="max_per_month")
    AcceptanceGrant.objects.filter(issuer=issuer, acceptor=acceptor, ended_at=None).update(ended_at=at)
    with translate_constraint("accounts_grant_once", Busy):
        return AcceptanceGrant.objects.create(
            issuer=issuer, acceptor=acceptor, kinds=sorted(set(kinds)), max_per_month=maximum, created_at=at
        )


def end_grant(*, grant: AcceptanceGrant, at: datetime) -> None:
    """End a grant. What was reserved with it stays. Ending it again keeps the first date."""
    AcceptanceGrant.objects.filter(pk=grant.pk, ended_at=None).update(ended_at=at)
