"""``manage.py check_consistency``: all counters are recounted, and every difference is reported."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from checkout.models import Redemption, RedemptionItem, RefundedLine
from discounts.models import Usage, UsageReturn
from promotions import services as promotions
from promotions.models import Trigger
from redemptions.lifecycle import Action
from redemptions.limits.models import Limit
from redemptions.statuses import OfferDecision, RedemptionStatus
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
REDEMPTIONS = "/api/v1/checkout/redemptions/"
CART = {
    "currency": "EUR",
    "lines": [
        {"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "100.00"},
        {"id": "b", "sku": "hat", "quantity": 2, "unit_price": "10.00"},
    ],
    "shipping": "4.99",
    "codes": ["TEN"],
}


def check(*options: str) -> tuple[int, list[str]]:
    """Return the exit status and the printed lines."""
    out = io.StringIO()
    try:
        call_command("check_consistency", *options, stdout=out, stderr=io.StringIO())
    except SystemExit as error:
        return int(str(error.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    DiscountCodeFactory(text="TEN", brand=brand)
    return brand


@pytest.fixture
def server(brand_client: ClientOf, billo: Brand) -> Client:
    return brand_client(billo)


@pytest.fixture
def limited(billo: Brand) -> None:
    """A promotion of 10% on hats that counts its redemptions."""
    promotions.change_decision(
        promotion=promotions.create_promotion(
            brand=billo,
            code=None,
            at=timezone.now(),
            fields={
                "name": "Hats",
                "start_date": timezone.now() - timedelta(days=1),
                "end_date": timezone.now() + timedelta(days=30),
                "trigger": Trigger.AUTOMATIC,
                "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "line", "select": {"skus": ["hat"]}}]},
                "limit_total": 50,
                "budget": 100_000,
                "decision": OfferDecision.DRAFT,
            },
        ),
        action=Action.ACTIVATE,
        at=timezone.now(),
    )


def redeem(server: Client, number: int, then: str = "", body: object = None) -> Redemption:
    """Redeem an order of another customer, and run the actions ``then`` on it."""
    response = server.post(
        REDEMPTIONS, CART | {"order": str(number), "customer_id": f"c{number}"}, content_type="application/json"
    )
    assert response.status_code == 201, response.content
    for action in then.split():
        path = f"{REDEMPTIONS}{response.json()['id']}/{action}/"
        assert server.post(path, body or {}, content_type="application/json").status_code == 200
    return Redemption.objects.get(pk=response.json()["id"])


@pytest.fixture
def history(server: Client, limited: None) -> list[Redemption]:
    """A redemption in every status: reserved, confirmed, released, returned, returned in part."""
    ends = ["", "confirm", "cancel", "confirm refund"]
    redemptions = [redeem(server, number, then) for number, then in enumerate(ends)]
    part = redeem(server, 9, "confirm")
    server.post(f"{REDEMPTIONS}{part.pk}/refund/", {"lines": ["a"]}, content_type="application/json")
    return [*redemptions, part]


def test_untouched_data_has_no_differences(history: list[Redemption]) -> None:
    assert check() == (0, [])
    assert check("--repair") == (0, [])


def test_a_confirmed_redemption_without_its_code_redemption_is_reported_only(history: list[Redemption]) -> None:
    Usage.objects.filter(redemption_id=history[1].pk).delete()

    line = f"redemption {history[1].pk}: confirmed, but discount_code TEN is missing"
    assert check("--repair") == (1, [line])
    assert check() == (1, [line])


def test_a_reserved_item_of_a_confirmed_redemption_is_confirmed(history: list[Redemption]) -> None:
    uses = Usage.objects.filter(redemption_id=history[1].pk)
    uses.update(reserved_until=timezone.now() + timedelta(minutes=5))

    line = f"redemption {history[1].pk}: confirmed, but discount_code TEN is reserved"
    assert check() == (1, [line])
    assert uses.get().reserved_until is not None
    assert check("--repair") == (1, [line + ": repaired"])
    assert uses.get().reserved_until is None
    assert check() == (0, [])


@pytest.mark.parametrize("final", [True, False])
def test_a_reserved_item_of_a_released_redemption_is_released(history: list[Redemption], final: bool) -> None:
    Redemption.objects.filter(pk=history[1].pk).update(status=RedemptionStatus.RELEASED)
    if not final:
        Usage.objects.filter(redemption_id=history[1].pk).update(reserved_until=timezone.now() + timedelta(minutes=5))

    status, lines = check("--repair")

    assert status == 1
    state = "is confirmed" if final else "is reserved"
    assert f"redemption {history[1].pk}: released, but discount_code TEN {state}: repaired" in lines
    assert not Usage.objects.filter(redemption_id=history[1].pk).exists()
    assert check() == (0, [])


def test_a_promotion_item_of_a_released_redemption_is_released_with_its_counters(
    history: list[Redemption],
) -> None:
    Redemption.objects.filter(pk=history[0].pk).update(status=RedemptionStatus.RELEASED)
    before = OfferUse.objects.count()

    assert len(check("--repair")[1]) == 2

    assert OfferUse.objects.count() == before - 1
    assert check() == (0, [])


def test_expired_reservations_are_released(history: list[Redemption]) -> None:
    past = timezone.now() - timedelta(hours=1)
    Redemption.objects.filter(pk=history[0].pk).update(expires_at=past)
    Usage.objects.filter(redemption_id=history[0].pk).update(reserved_until=past)
    OfferUse.objects.filter(redemption_id=history[0].pk).update(reserved_until=past)

    status, lines = check()
    assert status == 1
    assert [line.split(":")[0].split()[0] for line in lines] == ["promotion", "redemption", "redemption"]
    assert check("--repair")[0] == 1

    assert Redemption.objects.get(pk=history[0].pk).status == RedemptionStatus.EXPIRED
    assert not Usage.objects.filter(redemption_id=history[0].pk).exists()
    assert check() == (0, [])


def test_a_redemption_that_has_just_expired_is_no_difference(history: list[Redemption]) -> None:
    past = timezone.now() - timedelta(seconds=30)
    Redemption.objects.filter(pk=history[0].pk).update(expires_at=past)
    Usage.objects.filter(redemption_id=history[0].pk).delete()

    assert check() == (0, [])


def test_wrong_totals_are_corrected(history: list[Redemption]) -> None:
    RedemptionItem.objects.filter(redemption=history[1], kind="discount_code").update(amount=F("amount") + 1)

    status, (line,) = check()

    given = history[1].discount_total
    assert status == 1
    assert line == f"redemption {history[1].pk}: total {history[1].total}, discount {given}, items {given + 1}"


def test_refunded_lines_are_compared_with_their_discounts(history: list[Redemption]) -> None:
    RefundedLine.objects.filter(redemption=history[4]).update(discount=1)
    RefundedLine.objects.filter(redemption=history[3], line="a").delete()
    RefundedLine.objects.create(redemption=history[2], line="a", discount=0, refunded_at=timezone.now())

    status, lines = check()

    assert status == 1
    assert sorted(line.split(":")[0] for line in lines) == sorted(f"redemption {history[n].pk}" for n in (2, 3, 4))


def test_counters_are_recounted_from_the_redemptions(history: list[Redemption]) -> None:
    taken = Limit.objects.filter(taken__gt=0, scope="total").first()
    assert taken is not None
    Limit.objects.filter(pk=taken.pk).update(taken=F("taken") - 1)

    status, (line,) = check()
    assert status == 1
    assert f"total shard {taken.shard} is {taken.taken - 1} of {taken.cap}, but redemptions took {taken.taken}" in line
    assert check("--repair")[1] == [line + ": repaired"]
    assert check() == (0, [])


def test_the_shards_of_a_limit_add_up_to_it(history: list[Redemption]) -> None:
    Limit.objects.filter(scope="total", shard=0).update(cap=F("cap") + 1)

    status, (line,) = check("--repair")

    assert status == 1
    assert line.endswith("shards of total add up to 51, not 50")


def test_inconsistent_redemptions_are_reported(billo: Brand, shopper_client: ClientOf) -> None:
    client = shopper_client(ShopperFactory())
    client.post(
        "/api/v1/discountcodeusage/", {"discount_code": "TEN", "amount": "10.00"}, content_type="application/json"
    )
    use = Usage.objects.get()
    assert check() == (0, [])

    UsageReturn.objects.create(
        usage_id=use.pk,
        code_id=use.code_id,
        customer_id=use.customer_id,
        redeemed_at=use.redeemed_at,
        returned_at=use.redeemed_at,
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE promotions_code SET kind = 'voucher'")

    status, lines = check()

    assert status == 1
    assert [line.partition(": ")[2] for line in lines] == [
        "active and returned",
        "TEN is not registered for this kind and brand",
    ]


def test_redemptions_are_checked_in_chunks(history: list[Redemption], monkeypatch: Any) -> None:
    monkeypatch.setattr("checkout.consistency.CHUNK", 2)
    Usage.objects.filter(redemption_id__in=[one.pk for one in history]).delete()

    assert len(check()[1]) == 3  # reserved, confirmed, returned in part
