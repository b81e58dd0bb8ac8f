"""Consistency checks of redemptions, and of redemptions against what the backends keep of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from checkout import selectors
from checkout.models import SHIPPING, Redemption, RedemptionItem, RefundedLine
from checkout.refunds import OrderState
from checkout.services.transitions import purchases_by_kind, release_expired
from redemptions import purchases
from redemptions.contracts import Purchase, RedemptionBackend, ReturnedItem, SelectedOffer
from redemptions.statuses import LIVE, RedemptionStatus

GRACE = timedelta(minutes=10)
CHUNK = 500
MISSING = "missing"
# States of an item at its backend: False is reserved, True is confirmed.
EXPECTED_STATES: dict[str, set[object]] = {
    RedemptionStatus.RESERVED: {False},
    RedemptionStatus.CONFIRMED: {True},
    RedemptionStatus.PARTIALLY_RETURNED: {True},
    RedemptionStatus.RELEASED: {MISSING},
    RedemptionStatus.EXPIRED: {MISSING},
    RedemptionStatus.RETURNED: {MISSING, True},  # a pricing profile may keep the items of refunded orders
}
RETURN_STATUSES = [RedemptionStatus.PARTIALLY_RETURNED, RedemptionStatus.RETURNED]
STATUS_TEXTS = {MISSING: "is missing", True: "is confirmed", False: "is reserved"}


@dataclass(frozen=True, slots=True)
class _Difference:
    """An item whose state at its backend doesn't match the status of its redemption."""

    backend: RedemptionBackend
    purchase: Purchase
    item: SelectedOffer
    state: str | bool


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each difference.

    ``repair`` releases and returns items that closed redemptions still have, and confirms those of confirmed ones.
    """
    yield from _check_totals()
    yield from _check_refunds()
    yield from _check_overdue(at, repair)
    yield from _check_items(at, repair)
    yield from _check_returned_amounts(at, repair)


def _check_totals() -> Iterator[str]:
    redemptions = Redemption.objects.annotate(item_total=Coalesce(Sum("items__amount"), 0))
    for redemption in redemptions.exclude(item_total=F("discount_total"), total__gte=0).iterator():
        yield (
            f"redemption {redemption.pk}: total {redemption.total}, discount {redemption.discount_total},"
            f" items {redemption.item_total}"
        )


def _check_refunds() -> Iterator[str]:
    """Compare what came back of lines and shipping with the status, the items and the total of each redemption."""
    has_refunds = Exists(RefundedLine.objects.filter(redemption=OuterRef("pk")))
    rows = Redemption.objects.filter(has_refunds | Q(status__in=RETURN_STATUSES)).prefetch_related("refunded_lines")
    for redemption in rows.iterator(chunk_size=CHUNK):
        state, parts = selectors.get_order_state(redemption), list(redemption.refunded_lines.all())
        is_partial = redemption.status == RedemptionStatus.PARTIALLY_RETURNED
        if redemption.status not in RETURN_STATUSES or (is_partial and not parts):
            yield f"redemption {redemption.pk}: {redemption.status}, with {len(parts)} refunded lines"
        elif state.is_returned == is_partial:
            yield f"redemption {redemption.pk}: {redemption.status}, but its lines are {_describe(parts)}"
        else:
            yield from _check_shares(redemption, state, parts)


def _check_shares(redemption: Redemption, state: OrderState, parts: Sequence[RefundedLine]) -> Iterator[str]:
    shares = {line.id: sum(line.returned_shares) for line in state.lines.values()}
    shares[SHIPPING] = sum(state.shipping.returned_shares)
    if any(part.discount != shares.get(part.line) for part in parts):
        yield f"redemption {redemption.pk}: refunded lines {_describe(parts)} don't match {shares}"
    returned = tuple(redemption.items.order_by("position").values_list("returned_amount", flat=True))
    if returned != state.returned_shares:
        yield f"redemption {redemption.pk}: items returned {returned}, but its lines {state.returned_shares}"
    total = state.returned_value - sum(state.returned_shares)
    if redemption.returned_total != total:
        yield f"redemption {redemption.pk}: returned total {redemption.returned_total}, but its lines add up to {total}"


def _describe(parts: Iterable[RefundedLine]) -> dict[str, int]:
    return {part.line: part.discount for part in parts}


def _check_overdue(at: datetime, repair: bool) -> Iterator[str]:
    overdue = Redemption.objects.filter(status=RedemptionStatus.RESERVED, expires_at__lt=at - GRACE)
    rows = list(overdue.order_by("expires_at").values_list("pk", "expires_at"))
    if rows and repair:
        release_expired(at=at)
    for pk, expires_at in rows:
        yield f"redemption {pk}: reserved until {expires_at:%Y-%m-%dT%H:%MZ}" + (": released" if repair else "")


def _check_items(at: datetime, repair: bool) -> Iterator[str]:
    """Compare one chunk after another without locks. Lock each suspect and compare it again before it is reported."""
    last = None
    while True:
        rows = Redemption.objects.filter(pk__gt=last) if last else Redemption.objects.all()
        chunk = list(rows.order_by("pk").prefetch_related("items")[:CHUNK])
        suspects = {difference.purchase.id for difference in _find_differences(chunk, at)}
        for redemption in chunk:
            if redemption.pk in suspects:
                yield from _check_locked(redemption, at, repair)
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].pk


def _check_locked(redemption: Redemption, at: datetime, repair: bool) -> Iterator[str]:
    with transaction.atomic():
        locked = selectors.lock_redemption(pk=redemption.pk)
        for difference in _find_differences([locked], at):
            repaired = repair and _repair(locked, difference)
            yield (
                f"redemption {locked.pk}: {locked.status},"
                f" but {difference.backend.KIND} {difference.item.code or difference.item.key}"
                f" {STATUS_TEXTS[difference.state]}" + (": repaired" if repaired else "")
            )


def _find_differences(redemptions: Sequence[Redemption], at: datetime) -> list[_Difference]:
    """Return the items whose state doesn't match their redemption's status, with one query for each backend."""
    by_kind: dict[str, tuple[RedemptionBackend, list[tuple[Redemption, Purchase]]]] = {}
    for redemption in redemptions:
        for backend, purchase in purchases_by_kind(redemption, redemption.items.all(), at):
            by_kind.setdefault(backend.KIND, (backend, []))[1].append((redemption, purchase))
    differences = []
    for backend, pairs in by_kind.values():
        states = backend.active_items(purchases=[purchase for _, purchase in pairs])
        for redemption, purchase in pairs:
            for item in purchase.items:
                state = states.get((redemption.pk, item.key), MISSING)
                if state not in _expected_states(redemption, at):
                    differences.append(_Difference(backend, purchase, item, state))
    return differences


def _expected_states(redemption: Redemption, at: datetime) -> set[object]:
    is_overdue = redemption.status == RedemptionStatus.RESERVED and redemption.expires_at <= at
    # Another redemption may have used what an overdue reservation had.
    return EXPECTED_STATES[redemption.status] | ({MISSING} if is_overdue else set())


def _repair(redemption: Redemption, difference: _Difference) -> bool:
    """Make the backend's state match the redemption. Return False if only a person can decide."""
    backend, purchase = difference.backend, difference.purchase
    if redemption.status in LIVE:
        if redemption.confirmed_at is None or difference.state is not False:
            return False
        purchases.confirm([(backend, replace(purchase, at=redemption.confirmed_at))])
        return True
    purchases.release([(backend, purchase)])
    if redemption.status != RedemptionStatus.RETURNED:
        item = difference.item
        returned = {(backend.KIND, item.key): ReturnedItem(item.key, item.amount, is_use_returned=True)}
        purchases.return_items([(backend, purchase)], returned)
    return True


# --- amounts that came back ------------------------------------------------------------------------------------------
def _check_returned_amounts(at: datetime, repair: bool) -> Iterator[str]:
    """Compare the returned amounts of items with those of their backends, each redemption locked.

    A former release returned nothing before the last line was refunded.
    """
    has_returns = Exists(RedemptionItem.objects.filter(redemption=OuterRef("pk"), returned_amount__gt=0))
    for pk in (
        Redemption.objects.filter(has_returns, status__in=RETURN_STATUSES).values_list("pk", flat=True).iterator()
    ):
        with transaction.atomic():
            redemption = selectors.lock_redemption(pk=pk)
            returned = {(item.kind, item.key): item.returned_amount for item in redemption.items.all()}
            for backend, purchase in purchases_by_kind(redemption, redemption.items.all(), at):
                for (_, key), amount in backend.returned_amounts(purchases=[purchase]).items():
                    if missing := returned[backend.KIND, key] - amount:
                        is_repaired = repair and missing > 0
                        if is_repaired:
                            item = ReturnedItem(key, missing, is_use_returned=False)
                            purchases.return_items([(backend, purchase)], {(backend.KIND, key): item})
                        yield (
                            f"redemption {pk}: {backend.KIND} {key} returned {amount} of"
                            f" {returned[backend.KIND, key]}" + (": repaired" if is_repaired else "")
                        )
