"""What must hold among redemptions, and between them and what each kind of offer keeps of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from checkout import selectors
from checkout.models import LIVE, Redemption, RefundedLine, Status
from checkout.services.transitions import purchases_by_kind, release_expired
from promotions.contracts import Purchase, RedemptionBackend, SelectedOffer

GRACE = timedelta(minutes=10)
CHUNK = 500
ABSENT = "absent"
# how a taking may stand: False is held, True is final; None is a kind that keeps no record of it
EXPECTED: dict[str, set[object]] = {
    Status.RESERVED: {None, False},
    Status.CONFIRMED: {None, True},
    Status.CANCELED: {None, ABSENT},
    Status.EXPIRED: {None, ABSENT},
    Status.REFUNDED: {None, ABSENT, True},  # a brand may keep the uses of refunded orders
}
STATUS_TEXTS = {ABSENT: "does not stand", True: "is final", False: "is held"}


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line a difference; ``repair`` gives back what the closed ones still hold and finishes what was confirmed."""
    yield from _sums()
    yield from _refunds()
    yield from _overdue(at, repair)
    yield from _items(at, repair)


def _sums() -> Iterator[str]:
    given = Redemption.objects.annotate(given=Coalesce(Sum("items__amount"), 0))
    for redemption in given.exclude(given=F("discount_total"), total__gte=0).iterator():
        yield (
            f"redemption {redemption.pk}: total {redemption.total}, discount {redemption.discount_total},"
            f" its items {redemption.given}"
        )


def _refunds() -> Iterator[str]:
    refunded = Exists(RefundedLine.objects.filter(redemption=OuterRef("pk")))
    for redemption in Redemption.objects.filter(refunded | Q(status=Status.REFUNDED)).iterator():
        shares, done = selectors.line_discounts(redemption), selectors.refunded_lines(redemption)
        if redemption.status not in (Status.CONFIRMED, Status.REFUNDED):
            yield f"redemption {redemption.pk}: {redemption.status}, with refunded lines"
        elif redemption.status == Status.REFUNDED and done != shares:
            yield f"redemption {redemption.pk}: refunded, but its lines are {done} of {shares}"
        elif any(shares.get(line) != share for line, share in done.items()):
            yield f"redemption {redemption.pk}: refunded lines {done} are not shares of {shares}"


def _overdue(at: datetime, repair: bool) -> Iterator[str]:
    overdue = Redemption.objects.filter(status=Status.RESERVED, expires_at__lt=at - GRACE)
    found = list(overdue.order_by("expires_at").values_list("pk", "expires_at"))
    if found and repair:
        release_expired(at=at)
    for pk, expired in found:
        yield f"redemption {pk}: reserved until {expired:%Y-%m-%dT%H:%MZ}" + (": released" if repair else "")


def _items(at: datetime, repair: bool) -> Iterator[str]:
    """Compare a chunk at a time without locks, then look again under the redemption's lock before calling it wrong."""
    last = None
    while True:
        rows = Redemption.objects.filter(pk__gt=last) if last else Redemption.objects.all()
        chunk = list(rows.order_by("pk").prefetch_related("items")[:CHUNK])
        for redemption in [one for one in chunk if _differences([one], at)] if _differences(chunk, at) else []:
            yield from _certain(redemption, at, repair)
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].pk


def _certain(redemption: Redemption, at: datetime, repair: bool) -> Iterator[str]:
    with transaction.atomic():
        locked = selectors.lock(pk=redemption.pk)
        for redeemer, purchase, taking, state in _differences([locked], at):
            mended = repair and _repair(locked, redeemer, purchase, state)
            yield (
                f"redemption {locked.pk}: {locked.status}, but {redeemer.kind} {taking.code or taking.key}"
                f" {STATUS_TEXTS[state]}" + (": mended" if mended else "")
            )


def _differences(
    redemptions: Sequence[Redemption], at: datetime
) -> list[tuple[RedemptionBackend, Purchase, SelectedOffer, "str | bool"]]:
    """Takings that do not stand as their redemption's status says, each with how it stands."""
    by_kind: dict[str, tuple[RedemptionBackend, list[tuple[Redemption, Purchase]]]] = {}
    for redemption in redemptions:
        for redeemer, purchase in purchases_by_kind(redemption, redemption.items.all(), at):
            by_kind.setdefault(redeemer.kind, (redeemer, []))[1].append((redemption, purchase))
    found = []
    for redeemer, pairs in by_kind.values():
        standing = redeemer.active_items(purchases=[purchase for _, purchase in pairs])
        for redemption, purchase in pairs:
            for taking in purchase.items:
                state = standing.get((redemption.pk, taking.key), ABSENT)
                if state is not None and state not in _expected(redemption, at):
                    found.append((redeemer, purchase, taking, state))
    return found


def _expected(redemption: Redemption, at: datetime) -> set[object]:
    overdue = redemption.status == Status.RESERVED and redemption.expires_at <= at  # others may have taken it since
    return EXPECTED[redemption.status] | ({ABSENT} if overdue else set())


def _repair(redemption: Redemption, redeemer: RedemptionBackend, purchase: Purchase, state: "str | bool") -> bool:
    """Bring what is kept into line with the redemption; False where only a person can decide."""
    if redemption.status in LIVE:
        if redemption.confirmed_at is None or state is not False:
            return False
        redeemer.confirm(purchase=replace(purchase, at=redemption.confirmed_at))
        return True
    redeemer.release(purchase=purchase)
    if redemption.status != Status.REFUNDED:
        redeemer.return_items(purchase=purchase)
    return True
