"""Consistency checks of redemptions, and of redemptions against what the backends keep of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from checkout import selectors
from checkout.models import Redemption, RefundedLine
from checkout.services.transitions import purchases_by_kind, release_expired
from redemptions.contracts import Purchase, RedemptionBackend, SelectedOffer
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


def _check_totals() -> Iterator[str]:
    redemptions = Redemption.objects.annotate(item_total=Coalesce(Sum("items__amount"), 0))
    for redemption in redemptions.exclude(item_total=F("discount_total"), total__gte=0).iterator():
        yield (
            f"redemption {redemption.pk}: total {redemption.total}, discount {redemption.discount_total},"
            f" items {redemption.item_total}"
        )


def _check_refunds() -> Iterator[str]:
    has_refunds = Exists(RefundedLine.objects.filter(redemption=OuterRef("pk")))
    for redemption in Redemption.objects.filter(has_refunds | Q(status__in=RETURN_STATUSES)).iterator():
        discounts, refunded = selectors.get_line_discounts(redemption), selectors.get_refunded_lines(redemption)
        is_partial = redemption.status == RedemptionStatus.PARTIALLY_RETURNED
        if redemption.status not in RETURN_STATUSES or (is_partial and not refunded):
            yield f"redemption {redemption.pk}: {redemption.status}, with {len(refunded)} refunded lines"
        elif redemption.status == RedemptionStatus.RETURNED and refunded != discounts:
            yield f"redemption {redemption.pk}: returned, but its lines are {refunded} of {discounts}"
        elif any(discounts.get(line) != discount for line, discount in refunded.items()):
            yield f"redemption {redemption.pk}: refunded lines {refunded} don't match {discounts}"


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
        backend.confirm(purchase=replace(purchase, at=redemption.confirmed_at))
        return True
    backend.release(purchase=purchase)
    if redemption.status != RedemptionStatus.RETURNED:
        backend.return_items(purchase=purchase)
    return True
