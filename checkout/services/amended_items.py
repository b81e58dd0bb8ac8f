"""The items of an amended order: what each of its offers gives before and after."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from checkout import price_records, selectors, serialization
from checkout.contracts import Quote
from checkout.models import Redemption, RedemptionItem, RedemptionPart
from checkout.services.confirmations import MARGIN
from checkout.services.reservations import dump_identities, redemption_items, sum_parts
from checkout.services.transitions import purchases_by_kind
from redemptions import purchases
from redemptions.contracts import NO_OFFER, AmendedItem

ItemKey = tuple[str, str]
"""Kind and key of an item."""


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item with its discount before and after an amendment; None where the order doesn't have it."""

    item: RedemptionItem
    before: int | None
    after: int | None


def exchange_items(
    redemption: Redemption,
    items: Mapping[ItemKey, RedemptionItem],
    priced: Quote,
    *,
    kept: Collection[ItemKey],
    at: datetime,
) -> list[ItemChange]:
    """Give a locked redemption another cart and its items, also in the backends. Return the change of each item.

    ``items`` are those that it has. Of these, ``kept`` ones keep their use although they give nothing now. Raises
    OfferUnavailable.
    """
    after = {(item.kind, item.key): item for item in _build_items(redemption, items, priced, kept)}
    changes = [
        ItemChange(
            after.get(key) or items[key],
            items[key].amount if key in items else None,
            after[key].amount if key in after else None,
        )
        for key in dict.fromkeys((*after, *items))
    ]
    subtotal = priced.decision.total + priced.decision.discount_total
    redemption.identities = dump_identities(priced)
    amended: dict[str, list[AmendedItem]] = {}
    for change in changes:
        item, key = change.item, (change.item.kind, change.item.key)
        part = AmendedItem(
            item.key,
            item.code,
            change.before,
            change.after,
            item.offer_id or NO_OFFER,
            units_before=items[key].units if key in items else 0,
            units_after=after[key].units if key in after else 0,
        )
        amended.setdefault(item.kind, []).append(part)
    grants = selectors.get_acceptance_of_order(redemption).grants
    parts = purchases_by_kind(redemption, [change.item for change in changes], at, grants=grants)
    purchases.amend_items(
        [(backend, replace(purchase, subtotal=subtotal, until=at + MARGIN)) for backend, purchase in parts], amended
    )
    _set_amounts(redemption, priced, list(after.values()), at)
    _set_parts(redemption, priced)
    redemption.items.all().delete()
    RedemptionItem.objects.bulk_create(after.values())
    return changes


def _build_items(
    redemption: Redemption, items: Mapping[ItemKey, RedemptionItem], priced: Quote, kept: Collection[ItemKey]
) -> list[RedemptionItem]:
    """Return the items after the amendment: the applied offers, then those that are kept without giving anything."""
    built = list(redemption_items(redemption, priced))
    applied = {(item.kind, item.key) for item in built}
    for key, item in items.items():
        if key in kept and key not in applied:
            built.append(
                RedemptionItem(
                    redemption=redemption,
                    position=len(built),
                    kind=item.kind,
                    key=item.key,
                    code=item.code,
                    brand_id=item.brand_id,
                    offer_id=item.offer_id,
                    title=item.title,
                    amount=0,
                )
            )
    return built


def _set_parts(redemption: Redemption, priced: Quote) -> None:
    """Write what of the order counts for each brand. A brand that no longer has an offer in it keeps its part at 0."""
    sums = dict.fromkeys(selectors.get_subtotals(redemption), 0) | sum_parts(redemption, priced)
    parts = [RedemptionPart(redemption=redemption, brand_id=brand, subtotal=sum_) for brand, sum_ in sums.items()]
    RedemptionPart.objects.bulk_create(
        parts, update_conflicts=True, unique_fields=["redemption", "brand"], update_fields=["subtotal"]
    )


def _set_amounts(redemption: Redemption, priced: Quote, items: Collection[RedemptionItem], at: datetime) -> None:
    """Write the cart, the quote and the amounts. The quote lists the items that give nothing, too."""
    decision = priced.decision
    redemption.cart = price_records.dump_cart(priced.request.cart)
    redemption.quote = serialization.serialize_quote(priced)
    redemption.quote["applied"] += [
        serialization.serialize_unused(priced.get_candidate(item.kind, item.key), redemption.currency)
        for item in list(items)[len(decision.applied) :]
    ]
    redemption.record = price_records.dump_record(priced)
    redemption.subtotal, redemption.discount_total = decision.subtotal, decision.discount_total
    redemption.total, redemption.amended_at, redemption.updated_at = decision.total, at, at
    redemption.save(
        update_fields=[
            "cart", "quote", "record", "subtotal", "discount_total", "total", "amended_at", "updated_at",
            "external_id", "metadata", "identities",
        ]
    )  # fmt: skip
