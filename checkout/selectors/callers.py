"""Reads of the redemptions that callers of the API may see, confirm, cancel and refund."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, prefetch_related_objects
from django.utils.translation import gettext as _

from accounts.contracts import ALL_BRANDS, Acceptance, Caller, CheckoutBy
from accounts.selectors import find_grants, list_brands_without, readable_brand_ids
from checkout.contracts import Actor, OrderPart
from checkout.models import Redemption, RedemptionItem, RedemptionPart
from checkout.selectors.orders import find_part
from checkout.selectors.staff import are_all_editable, is_editable_by_staff
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
        if redemption.brand_id is None:
            return Acceptance(self.editable)
        return Acceptance(self.editable, grants=find_grants(acceptor=redemption.brand_id))

    @property
    def is_platform(self) -> bool:
        """Whether the caller is the platform's checkout, which acts for all brands on what no brand's server sent."""
        return self.caller.platform_key is not None


def get_access(caller: Caller) -> Access:
    """Return the brands whose redemptions a caller may read and change."""
    readable = readable_brand_ids(caller)
    editable = readable_brand_ids(caller, edit=True) if readable else readable  # a subset of the readable ones
    return Access(caller, *(None if ids is None else frozenset(ids) for ids in (readable, editable)))


def get_acceptance_of_order(redemption: Redemption) -> Acceptance:
    """Return the brands whose offers an order may get now: for one that a brand's server sent, also those that granted
    them. Orders of shoppers and of the platform's checkout may get offers of all brands.
    """
    if redemption.brand_id is None:
        return ALL_BRANDS
    return Acceptance(frozenset({redemption.brand_id}), grants=find_grants(acceptor=redemption.brand_id))


def list_visible(*, access: Access) -> QuerySet[Redemption]:
    """Return the redemptions that a caller may read, with what answers need."""
    rows = Redemption.objects.select_related("customer").prefetch_related("refunded_lines")
    return rows if access.readable is None else rows.filter(_is_visible(access, access.readable))


def filter_by_senders_data(rows: QuerySet[Redemption], condition: Q, *, access: Access) -> QuerySet[Redemption]:
    """Restrict redemptions to those of the caller that meet a condition on external IDs and metadata, if any."""
    return rows.filter(condition & _sent_by_caller(access)) if condition else rows


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


def _is_visible(access: Access, brand_ids: Collection[uuid.UUID]) -> Q:
    """Return the condition for redemptions that concern the brands, of the platform's checkout, or of the shopper."""
    if access.is_platform:
        return Q(brand=None)
    of_brands = Q(pk__in=RedemptionPart.objects.filter(brand__in=brand_ids).values("redemption"))
    key, own = access.caller.customer_key, access.caller.issuer_brand_id
    if own is not None:  # a shopper of a brand's own login: what concerns no other brand
        others = RedemptionPart.objects.filter(redemption=OuterRef("pk")).exclude(brand=own)
        return Q(~Exists(others), Q(brand=None) | Q(brand=own), customer_id=key)
    if key is None:
        return of_brands
    return of_brands | Q(customer_id=key) if brand_ids else Q(customer_id=key)


def get_visible(*, pk: uuid.UUID, access: Access) -> Redemption:
    """Return a redemption that the caller may read: the shopper's, or one that concerns the caller's brands.

    Raises NotFound.
    """
    rows = Redemption.objects.select_related("customer").filter(pk=pk)
    if access.readable is not None:
        rows = rows.filter(_is_visible(access, access.readable))
    redemption = rows.first()
    if redemption is None:
        raise NotFound
    return redemption


def find_visible_part(redemption: Redemption, access: Access) -> OrderPart | None:
    """Return the part of a redemption that the caller may see, or None for all of it."""
    return None if _is_sender(redemption, access) else find_part(redemption, access.readable)


def load_items(redemptions: Iterable[Redemption], access: Access) -> None:
    """Load the items of those of the redemptions that the caller may see a part of, with two queries at most."""
    prefetch_related_objects([one for one in redemptions if not _is_sender(one, access)], "items__brand")


def _is_sender(redemption: Redemption, access: Access) -> bool:
    """Return whether the caller sees all of a redemption: the sender, the shopper, the platform and its admins."""
    if access.is_platform or access.readable is None or redemption.brand_id in access.readable:
        return True
    return redemption.customer_id == access.caller.customer_key


def is_senders_data_visible(redemption: Redemption, access: Access) -> bool:
    """Return whether the caller may see and filter by the external ID and the metadata of a visible redemption."""
    if access.readable is None or (access.is_platform and redemption.brand_id is None):
        return True
    if redemption.brand_id is not None:
        return redemption.brand_id in access.readable
    return redemption.platform_key is None and redemption.customer_id == access.caller.customer_key


def _sent_by_caller(access: Access) -> Q:
    """Return the condition of ``is_senders_data_visible``."""
    if access.readable is None:
        return Q()
    if access.is_platform:
        return Q(brand=None)
    return Q(brand__in=access.readable) | Q(brand=None, platform_key=None, customer_id=access.caller.customer_key)


def check_shopper(brand_ids: Collection[uuid.UUID] | QuerySet[Any, uuid.UUID], *allowing: CheckoutBy) -> None:
    """Raise PermissionDenied if one of the brands doesn't allow shoppers to do what only ``allowing`` ones do."""
    names = list_brands_without(brand_ids=brand_ids, checkout_by=allowing)
    if names:
        detail = _("Only the shop's server can do this with offers of %(brands)s.")
        raise PermissionDenied(detail % {"brands": ", ".join(names)})


def get_annotatable(*, pk: uuid.UUID, access: Access) -> Redemption:
    """Return a redemption whose sender is the caller. Raises NotFound, and PermissionDenied for others."""
    redemption = get_editable(pk=pk, access=access)
    if not is_senders_data_visible(redemption, access):
        raise PermissionDenied
    return redemption


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


def get_refundable(*, pk: uuid.UUID, access: Access) -> tuple[Redemption, OrderPart | None]:
    """Return a redemption that the caller may refund, and the part that they may refund, or None for all of it.

    Shoppers can't refund: they could reuse a code endlessly. The brand whose server sent the order refunds all of it,
    and so do the platform's checkout and the only brand of the offers what no brand's server sent. Other brands refund
    their own parts. Raises NotFound and PermissionDenied as ``get_editable``.
    """
    redemption = get_visible(pk=pk, access=access)
    if _may_change_all(redemption, access):
        return redemption, None
    part = find_part(redemption, access.editable)
    if part is not None and not part.positions:
        raise PermissionDenied
    return redemption, part


def get_amendable(*, pk: uuid.UUID, access: Access) -> Redemption:
    """Return a redemption that the caller may amend: of those that they may refund, one that no other brand is part of.

    Raises NotFound and PermissionDenied.
    """
    redemption = get_visible(pk=pk, access=access)
    if _may_change_all(redemption, access):
        return redemption
    raise PermissionDenied


def _may_change_all(redemption: Redemption, access: Access) -> bool:
    """Return whether the caller may refund and amend all of an order: as its brand, or if no brand's server sent it."""
    if access.is_platform:
        return redemption.brand_id is None
    return is_editable_by_staff(redemption, access.editable)
