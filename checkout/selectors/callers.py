"""Reads of the redemptions that callers of the API may see, confirm, cancel and refund."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.contracts import ALL_BRANDS, Acceptance, Caller, CheckoutBy, Scope
from accounts.selectors import find_grants, list_brands_without, readable_brand_ids
from checkout.contracts import Actor
from checkout.models import Redemption, RedemptionItem
from checkout.selectors.staff import are_all_editable, sent_without_brand
from core.errors import NotFound, PermissionDenied
from redemptions.codes.selectors.codes import list_spellings


@dataclass(frozen=True, slots=True)
class Access:
    """The brands whose redemptions a caller may read and change; None stands for all brands."""

    caller: Caller
    readable: frozenset[uuid.UUID] | None
    editable: frozenset[uuid.UUID] | None

    def get_acceptance(self, redemption: Redemption) -> Acceptance:
        """Return the brands whose offers the caller may give to an order: also those that granted them to its brand."""
        if self.is_platform or self.editable is None:
            return ALL_BRANDS
        return Acceptance(self.editable, grants=find_grants(acceptor=redemption.brand_id))

    @property
    def is_platform(self) -> bool:
        """Whether the caller is the platform's checkout, which acts for all brands on what no brand's server sent."""
        return self.caller.scope is Scope.CHECKOUT


def get_access(caller: Caller) -> Access:
    """Return the brands whose redemptions a caller may read and change."""
    readable = readable_brand_ids(caller)
    editable = readable_brand_ids(caller, edit=True) if readable else readable  # a subset of the readable ones
    return Access(caller, *(None if ids is None else frozenset(ids) for ids in (readable, editable)))


def list_visible(*, caller: Caller, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Redemption]:
    """Return the redemptions that a caller may list, with what answers need; ``brand_ids`` None stands for all."""
    rows = Redemption.objects.select_related("customer").prefetch_related("refunded_lines")
    return rows if brand_ids is None else rows.filter(_owned_by(caller, brand_ids))


def filter_redemptions(
    rows: QuerySet[Redemption],
    *,
    order: str = "",
    status: str = "",
    brand: str = "",
    customer_id: str = "",
    code: str = "",
) -> QuerySet[Redemption]:
    """Restrict redemptions to those of an order reference, a status, the slug of a brand, a customer and a code."""
    equal = {"order": order, "status": status, "brand__slug": brand, "customer__customer_id": customer_id}
    rows = rows.filter(**{name: value for name, value in equal.items() if value})
    if not code:
        return rows
    texts = {code, *list_spellings(code).values_list("text", flat=True)}
    return rows.filter(Exists(RedemptionItem.objects.filter(redemption=OuterRef("pk"), code__in=texts)))


def _owned_by(caller: Caller, brand_ids: Collection[uuid.UUID]) -> Q:
    """Return the condition for redemptions of the brands, of the platform's checkout, or of the shopper who calls."""
    if caller.scope is Scope.CHECKOUT:
        return Q(brand=None)
    of_brands = Q(brand_id__in=brand_ids)
    return of_brands if caller.customer_key is None else of_brands | Q(customer_id=caller.customer_key)


def get_visible(*, pk: uuid.UUID, access: Access) -> Redemption:
    """Return a redemption that the caller may read: of the caller's brands, with their offers only, or the shopper's.

    Raises NotFound.
    """
    rows = Redemption.objects.select_related("customer").filter(pk=pk)
    if access.readable is not None:
        visible = _owned_by(access.caller, access.readable)
        rows = rows.filter(visible | sent_without_brand(access.readable) if access.readable else visible)
    redemption = rows.first()
    if redemption is None:
        raise NotFound
    return redemption


def check_shopper(brand_ids: Collection[uuid.UUID] | QuerySet[Any, uuid.UUID], *allowing: CheckoutBy) -> None:
    """Raise PermissionDenied if one of the brands doesn't allow shoppers to do what only ``allowing`` ones do."""
    names = list_brands_without(brand_ids=brand_ids, checkout_by=allowing)
    if names:
        detail = _("Only the shop's server can do this with offers of %(brands)s.")
        raise PermissionDenied(detail % {"brands": ", ".join(names)})


def get_confirmable(*, pk: uuid.UUID, access: Access) -> tuple[Redemption, Actor]:
    """Return a redemption that the caller may confirm, and the caller's role.

    Raises as ``get_editable``, and PermissionDenied for shoppers unless all of its brands let them confirm.
    """
    redemption = get_visible(pk=pk, access=access)
    actor = find_actor(redemption, access)
    if actor is None:
        raise PermissionDenied
    if actor is Actor.SHOPPER:
        check_shopper(redemption.items.values_list("brand_id", flat=True), CheckoutBy.SHOPPER)
    return redemption, actor


def get_editable(*, pk: uuid.UUID, access: Access) -> Redemption:
    """Return a redemption that the caller may cancel.

    Raises NotFound if the caller may not read it, and PermissionDenied if the caller may only read it.
    """
    redemption = get_visible(pk=pk, access=access)
    if find_actor(redemption, access) is None:
        raise PermissionDenied
    return redemption


def find_actor(redemption: Redemption, access: Access) -> Actor | None:
    """Return the role in which a caller may confirm or cancel a redemption that is visible to them, or None.

    A brand may change what its own server sent, and what shoppers sent with no other brand's offers.
    """
    caller = access.caller
    acting = Actor.STAFF if caller.api_key_id is None else Actor.SERVER
    if access.editable is None or redemption.brand_id in access.editable:
        return acting
    if redemption.brand_id is not None:
        return None
    if access.is_platform:
        return acting
    if redemption.platform_key is not None:
        return None
    if are_all_editable(redemption, access.editable):
        return acting
    return Actor.SHOPPER if redemption.customer_id == caller.customer_key else None


def get_refundable(*, pk: uuid.UUID, access: Access) -> Redemption:
    """Return a redemption that the caller may refund. Shoppers can't refund: they could reuse a code endlessly.

    An order that no brand's server sent is refundable by the platform's checkout, and by a brand if all of its offers
    belong to that brand. Raises NotFound and PermissionDenied as ``get_editable``.
    """
    rows = Redemption.objects.filter(pk=pk)
    if access.readable is not None:
        with_offers = Q(brand=None, items__brand_id__in=access.readable)
        rows = rows.filter(_owned_by(access.caller, access.readable) | with_offers).distinct()
    redemption = rows.first()
    if redemption is None:
        raise NotFound
    if access.editable is None or redemption.brand_id in access.editable:
        return redemption
    if redemption.brand_id is None and (access.is_platform or are_all_editable(redemption, access.editable)):
        return redemption
    raise PermissionDenied
