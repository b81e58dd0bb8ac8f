"""API of events: what each flow writes, filters, cursors and other brands."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from checkout.services.transitions import release_expired
from coupons.services import transitions
from redemptions.codes.models import Code
from redemptions.codes.services import assign_to_customers, create_batch, generate_codes, import_codes
from redemptions.events import rules
from redemptions.events.contracts import EventType, NewEvent, Position
from redemptions.events.models import Event
from redemptions.events.services import append_events
from tests.checkout.builders import post, post_action, reserve_order
from tests.factories import (
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
    UserFactory,
)
from tests.redemptions.events import iter_types, wait_for_horizon
from vouchers.models import Campaign, CampaignCounter, Voucher
from vouchers.services import claim
from vouchers.services.expiry import expire_vouchers
from vouchers.services.waiting_list import reassign_vouchers, revoke, serve_waiting_list

EVENTS = "/api/v1/events/"
ClientOf = Callable[[Any], Client]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def server(billo: Brand, brand_client: ClientOf) -> Client:
    return brand_client(billo)


def last_event() -> Event:
    return Event.objects.order_by("-id")[0]


# --- what the flows write ---------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_using_a_discount_code_and_giving_it_back(billo: Brand, server: Client, shopper_client: ClientOf) -> None:
    code = DiscountCodeFactory(text="TEN", brand=billo, percent=10)
    user = ShopperFactory()

    usage = post(
        shopper_client(user), "/api/v1/discountcodeusage/", {"discount_code": "ten", "amount": "20.00"}
    ).json()  # fmt: skip
    confirmed = server.get(f"{EVENTS}{last_event().pk}/").json()
    server.delete(f"/api/v1/discountcodeusage/{usage['id']}/")
    returned = server.get(f"{EVENTS}{last_event().pk}/").json()

    shared = {
        "brand": "billo", "kind": "discount_code", "offer": {"id": str(code.offer_id), "name": "TEN"}, "code": "TEN",
        "customer_id": user.customer.customer_id, "redemption": usage["id"], "amount": "2.00", "subtotal": "20.00",
        "currency": "EUR",
    }  # fmt: skip
    assert confirmed | shared == confirmed
    assert returned | shared == returned
    assert (confirmed["type"], confirmed["data"]) == ("redemption.confirmed", {})
    assert returned["type"] == "redemption.returned"
    assert datetime.fromisoformat(returned["data"]["confirmed_at"]) == datetime.fromisoformat(usage["used_at"])
    assert Event.objects.count() == 2


@pytest.mark.django_db
def test_a_refused_use_and_a_second_return_write_no_event(
    billo: Brand, server: Client, shopper_client: ClientOf
) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    client = shopper_client(ShopperFactory())
    usage = post(client, "/api/v1/discountcodeusage/", {"discount_code": "TEN"}).json()
    assert post(client, "/api/v1/discountcodeusage/", {"discount_code": "TEN"}).status_code == 409
    for _ in range(2):
        server.delete(f"/api/v1/discountcodeusage/{usage['id']}/")

    assert list(iter_types()) == ["redemption.confirmed", "redemption.returned"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("actions", "types"),
    [
        (["redemptions"], ["confirmed"]),
        (["redemptions", "refund"], ["confirmed", "returned"]),
        (["reservations"], ["reserved"]),
        (["reservations", "confirm", "confirm"], ["reserved", "confirmed"]),
        (["reservations", "release", "release"], ["reserved", "released"]),
        (["reservations", "expire", "expire"], ["reserved", "expired"]),
    ],
)
def test_a_coupon_without_an_order(
    actions: list[str], types: list[str], billo: Brand, server: Client, shopper_client: ClientOf
) -> None:
    coupon = CouponFactory(brand=billo, title="Ten")
    user = ShopperFactory()
    redemption = post(shopper_client(user), f"/api/v1/coupons/{coupon.pk}/{actions[0]}/", {}).json()
    for action in actions[1:]:
        if action == "expire":
            transitions.expire_due(at=timezone.now() + timedelta(hours=2))
        else:
            path = f"/api/v1/coupons/redemptions/{redemption['coupon_redemption_id']}/{action}/"
            assert post(server, path).status_code == 200

    events = [server.get(f"{EVENTS}{key}/").json() for key in Event.objects.order_by("id").values_list("id", flat=True)]
    assert [event["type"] for event in events] == [f"redemption.{name}" for name in types]
    for event in events:
        assert (event["brand"], event["kind"]) == ("billo", "coupon")
        assert event["offer"] == {"id": str(coupon.pk), "name": "Ten"}
        assert (event["customer_id"], event["redemption"]) == (
            user.customer.customer_id, redemption["coupon_redemption_id"],
        )  # fmt: skip
    assert ("confirmed_at" in events[-1]["data"]) == (types[-1] == "returned")
    assert ("effective_at" in events[-1]["data"]) == (types[-1] == "expired")


@pytest.fixture
def offers(billo: Brand) -> dict[str, str]:
    """An offer of each kind that one order can use, as kind and ID."""
    promotion = PromotionFactory(brand=billo, name="Sale", offer=_off("1"))
    coupon = CouponFactory(brand=billo, text="COUPON", offer=_off("2"))
    code = DiscountCodeFactory(text="TEN", brand=billo)
    return {"promotion": str(promotion.pk), "coupon": str(coupon.pk), "discount_code": str(code.offer_id)}


def _off(value: str) -> dict[str, Any]:
    return {"benefits": [{"kind": "amount", "value": value, "on": "order"}]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("actions", "types"),
    [
        (["confirm"], ["reserved", "confirmed"]),
        (["cancel"], ["reserved", "released"]),
        (["confirm", "refund"], ["reserved", "confirmed", "returned"]),
    ],
)
def test_an_order_writes_an_event_for_each_offer(
    actions: list[str], types: list[str], offers: dict[str, str], server: Client
) -> None:
    redemption = reserve_order(server, customer_id="c1", codes=["TEN", "COUPON"], on_reject="skip")
    for action in actions:
        assert post_action(server, redemption, action).status_code == 200

    applied = {(item["kind"], item["amount"]) for item in redemption["quote"]["applied"]}
    assert applied
    for name in types:
        rows = Event.objects.filter(type=f"redemption.{name}")
        events = [server.get(f"{EVENTS}{key}/").json() for key in rows.values_list("id", flat=True)]
        assert {(event["kind"], event["amount"]) for event in events} == applied
        for event in events:
            assert event["offer"]["id"] == offers[event["kind"]]
            assert (event["order"], event["redemption"]) == ("1001", redemption["id"])
            assert (event["subtotal"], event["currency"], event["customer_id"]) == ("120.00", "EUR", "c1")
    assert Event.objects.count() == len(applied) * len(types)


@pytest.mark.django_db
def test_partial_returns_add_up_to_the_discount(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(text="TEN", brand=billo, percent=7)
    redemption = reserve_order(server, customer_id="c1")
    post_action(server, redemption, "confirm")
    amount = Event.objects.get(type="redemption.confirmed").amount

    post_action(server, redemption, "refund", {"lines": ["a"]})
    post_action(server, redemption, "refund", {"lines": ["a"]})
    post_action(server, redemption, "refund", {"lines": ["b"]})

    partial, complete = Event.objects.filter(type__contains="returned").order_by("id")
    assert (partial.type, complete.type) == ("redemption.partially_returned", "redemption.returned")
    assert partial.amount
    assert complete.amount
    assert partial.amount + complete.amount == amount
    assert partial.data["confirmed_at"] == complete.data["confirmed_at"]


@pytest.mark.django_db
def test_an_order_that_expires(billo: Brand, server: Client) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    redemption = reserve_order(server, customer_id="c1")
    release_expired(at=timezone.now() + timedelta(days=1))

    assert list(iter_types()) == ["redemption.reserved", "redemption.expired"]
    expires_at = datetime.fromisoformat(redemption["expires_at"])
    for event in Event.objects.all():
        (name,) = event.data
        assert datetime.fromisoformat(event.data[name]) == expires_at


@pytest.mark.django_db
def test_vouchers_of_a_campaign(billo: Brand, at: datetime) -> None:
    campaign = CampaignFactory(
        brand=billo, slug="first", quota=2, reassign_unused=True, start_date=at - timedelta(days=1)
    )
    keys = [ShopperFactory().customer.pk for _ in range(5)]
    for key in keys:
        claim(campaign="first", customer_key=key, at=at)
    Event.objects.filter(type__startswith="offer.").delete()
    assert list(iter_types()) == ["voucher.granted"] * 2
    first = Voucher.objects.get(rank=1)

    for _ in range(2):
        revoke(voucher=first, at=at)
    reassign_vouchers(campaign_id=campaign.pk, at=at)
    CampaignCounter.objects.update(quota=3)
    serve_waiting_list(campaign_id=campaign.pk, at=at)
    expire_vouchers(at=at + timedelta(days=400))

    types = list(iter_types())
    assert types[2:5] == ["voucher.revoked", "voucher.reassigned", "voucher.granted"]
    assert types[5:] == ["voucher.expired"] * 3
    granted, _, revoked, reassigned, served, *expired = Event.objects.order_by("id")
    assert granted.data == revoked.data == {"voucher": str(first.pk), "rank": 1}
    heir = Voucher.objects.get(pk=reassigned.data["voucher"])
    assert reassigned.data == {"voucher": str(heir.pk), "rank": 1, "former_voucher": str(first.pk)}
    assert (reassigned.customer_id, served.customer_id) == (keys[2], keys[3])
    assert {event.data["voucher"] for event in expired} == {
        str(pk) for pk in Voucher.objects.filter(status="expired").values_list("pk", flat=True)
    }
    assert {(event.kind, event.offer_id, event.brand_id) for event in Event.objects.all()} == {
        ("voucher", campaign.pk, billo.pk)
    }


@pytest.mark.django_db
def test_new_offers_of_every_kind(billo: Brand, server: Client) -> None:
    offer = _off("1")
    dates = {"start_date": "2098-01-01", "end_date": "2099-01-01", "offer": offer}
    promotion = post(server, "/api/v1/promotions/", dates | {"name": "Sale", "trigger": "automatic"}).json()
    coupon = post(server, "/api/v1/coupons/", dates | {"title": "Coupon"}).json()
    code = {"id": "TEN", "rule": {"discount": 10}, "validity": "2099-01-01T00:00:00Z"}
    discount = post(server, "/api/v1/discountcode/", code).json()
    days = {"start_date": "2098-01-01T00:00:00Z", "end_date": "2099-01-01T00:00:00Z"}
    campaign = post(server, "/api/v1/campaigns/", days | {"name": "First", "slug": "first"}).json()

    events = [server.get(f"{EVENTS}{key}/").json() for key in Event.objects.order_by("id").values_list("id", flat=True)]

    created = events[::2]
    assert {event["type"] for event in created} == {"offer.created"}
    assert [event["type"] for event in events[1::2]] == [
        "offer.scheduled", "offer.scheduled", "offer.activated", "offer.scheduled",
    ]  # fmt: skip
    assert [(event["kind"], event["offer"]["name"]) for event in created] == [
        ("promotion", "Sale"), ("coupon", "Coupon"), ("discount_code", "TEN"), ("voucher", "First"),
    ]  # fmt: skip
    ids = [event["offer"]["id"] for event in created]
    assert ids[:3] == [promotion["id"], coupon["id"], discount["offer_id"]]
    assert ids[3] == str(Campaign.objects.get(slug=campaign["slug"]).pk)


@pytest.mark.django_db
def test_generated_imported_and_assigned_codes(billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, trigger="code")
    offer = {"kind": "promotion", "brand": billo, "offer": promotion.pk, "at": at}
    batch = create_batch(**offer, count=3)
    generate_codes(batch_id=batch.pk)
    generate_codes(batch_id=batch.pk)
    imported = import_codes(**offer, lines=["code", "SPRING-1", "SPRING-2", "?", "SPRING-1"]).batch
    batch.refresh_from_db()
    for _ in range(2):
        assign_to_customers(batch=batch, customer_ids=["c1", "c2"], notify=False, at=at)

    issued, added, *assigned = Event.objects.order_by("id")
    assert (issued.type, issued.data) == ("code.issued", {"batch": str(batch.pk), "count": 3})
    assert (added.type, added.data) == (
        "code.imported", {"batch": str(imported.pk), "imported": 2, "existing": 0, "rejected": 2},
    )  # fmt: skip
    assert {(event.type, event.customer.customer_id, event.code) for event in assigned if event.customer} == {
        ("code.assigned", customer, text)
        for customer, text in Code.objects.exclude(customer=None).values_list("customer__customer_id", "text")
    }
    assert len(assigned) == 2
    assert {(event.kind, event.offer_id, event.brand_id) for event in Event.objects.all()} == {
        ("promotion", promotion.pk, billo.pk)
    }


# --- reading ----------------------------------------------------------------------------------------------------------
def append(brand: Brand, **changes: Any) -> None:
    values: dict[str, Any] = {"type": EventType.OFFER_CREATED, "at": timezone.now(), "brand": brand.pk}
    append_events([NewEvent(**values | changes)])


@pytest.mark.django_db(transaction=True)
def test_a_client_that_keeps_the_cursor_reads_each_event_once(billo: Brand, server: Client) -> None:
    for number in range(5):
        append(billo, order=str(number))
    wait_for_horizon()

    page: dict[str, Any] = {"next": f"{EVENTS}?limit=2"}
    orders = []
    for _ in range(4):
        page = server.get(page["next"]).json()
        orders.append([event["order"] for event in page["results"]])
        assert page["previous"] is None
    append(billo, order="later")
    wait_for_horizon()
    orders.append([event["order"] for event in server.get(EVENTS, {"after": page["cursor"]}).json()["results"]])

    assert orders == [["0", "1"], ["2", "3"], ["4"], [], ["later"]]


@pytest.mark.django_db(transaction=True)
def test_callers_read_events_of_their_own_brands_only(
    billo: Brand, server: Client, brand_client: ClientOf, shopper_client: ClientOf
) -> None:
    cake = BrandFactory(slug="cake")
    append(billo, order="of billo")
    append(cake, order="of cake")
    wait_for_horizon()
    admin = shopper_client(UserFactory(is_superuser=True))
    both = MembershipFactory(brand=billo).user
    MembershipFactory(brand=cake, user=both)

    def orders(client: Client, **query: str) -> list[str]:
        response = client.get(EVENTS, query)
        assert response.status_code == 200, response.content
        return [event["order"] for event in response.json()["results"]]

    assert orders(server) == orders(server, brand="billo") == ["of billo"]
    assert orders(brand_client(cake)) == ["of cake"]
    assert orders(shopper_client(MembershipFactory(brand=billo, role="viewer").user)) == ["of billo"]
    assert orders(shopper_client(both)) == orders(admin) == ["of billo", "of cake"]
    assert orders(shopper_client(both), brand="cake") == orders(admin, brand="cake") == ["of cake"]
    assert orders(server, order="of cake") == []
    assert server.get(EVENTS, {"brand": "cake"}).status_code == 403
    assert shopper_client(ShopperFactory()).get(EVENTS).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_filters_of_the_api(billo: Brand, server: Client) -> None:
    customer, offer = ShopperFactory().customer, uuid.uuid4()
    append(billo, kind="coupon", offer=offer, code="TEN", order="1001", customer=customer.pk)
    append(billo, type=EventType.VOUCHER_GRANTED)
    wait_for_horizon()

    def types(**query: str) -> list[str]:
        return [event["type"] for event in server.get(EVENTS, query).json()["results"]]

    assert types() == ["offer.created", "voucher.granted"]
    assert types(type="voucher.*") == types(type="voucher.granted, redemption.*") == ["voucher.granted"]
    for query in (
        {"kind": "coupon"}, {"offer": str(offer)}, {"code": " ten "}, {"order": "1001"},
        {"customer_id": customer.customer_id}, {"type": "offer.created", "code": "TEN"},
    ):  # fmt: skip
        assert types(**query) == ["offer.created"], query
    for query in ({"kind": "voucher"}, {"code": "?"}, {"customer_id": "nobody"}, {"offer": str(uuid.uuid4())}):
        assert types(**query) == [], query


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"after": "nonsense"}, "after", "invalid"),
        ({"limit": "0"}, "limit", "min_value"),
        ({"limit": "201"}, "limit", "max_value"),
        ({"type": "redemption"}, "type", "invalid"),
        ({"offer": "x"}, "offer", "invalid"),
        ({"since": "2026-01-01"}, "since", "unknown_field"),
    ],
)
def test_an_invalid_query_is_refused_by_field(query: dict[str, str], field: str, code: str, server: Client) -> None:
    response = server.get(EVENTS, query)

    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [(field, code)]


@pytest.mark.django_db
def test_a_cursor_from_before_a_restore_is_gone(server: Client) -> None:
    response = server.get(EVENTS, {"after": rules.encode_cursor(Position(5), epoch="0-other")})

    assert (response.status_code, response.json()["code"]) == (410, "cursor_expired")


@pytest.mark.django_db
def test_an_offer_that_no_kind_knows_has_no_name(billo: Brand, server: Client) -> None:
    append(billo, kind="raffle", offer=uuid.UUID(int=7))

    assert server.get(f"{EVENTS}{last_event().pk}/").json()["offer"] == {"id": str(uuid.UUID(int=7)), "name": None}
