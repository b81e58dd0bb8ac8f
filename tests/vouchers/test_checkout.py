"""Vouchers at checkout: selected by ID, single-use, for one transaction type."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from checkout.consistency import check
from checkout.models import Redemption
from checkout.services import release_expired
from redemptions.contracts import Purchase
from tests.factories import BrandFactory, CampaignFactory, ShopperFactory
from vouchers.backend import backend
from vouchers.models import Campaign, Voucher
from vouchers.services import claim, expiry

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
QUOTE, REDEMPTIONS, OFFERS = (f"/api/v1/checkout/{name}/" for name in ("quote", "redemptions", "offers"))
TOPUP = {
    "currency": "EUR", "transaction_type": "topup",
    "lines": [{"id": "a", "sku": "mobile", "quantity": 1, "unit_price": "20.00"}],
}  # fmt: skip


@pytest.fixture
def user() -> User:
    user: User = ShopperFactory()
    return user


@pytest.fixture
def shopper(user: User, shopper_client: ClientOf) -> Client:
    return shopper_client(user)


def issue_voucher(user: User, **fields: Any) -> Voucher:
    """Issue a voucher of a new campaign."""
    campaign: Campaign = CampaignFactory(**fields)
    claim(campaign=campaign.slug, customer_key=user.customer.pk, at=timezone.now())
    return Voucher.objects.get(campaign=campaign, customer=user.customer)


def post(client: Client, path: str, body: object = None) -> Any:
    return client.post(path, {} if body is None else body, content_type="application/json")


def order(*vouchers: Voucher, **changes: Any) -> dict[str, Any]:
    return TOPUP | {"vouchers": [str(voucher.pk) for voucher in vouchers], "order": "1"} | changes


def reserve_order(client: Client, *vouchers: Voucher, **changes: Any) -> str:
    response = post(client, REDEMPTIONS, order(*vouchers, **changes))
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def reasons(response: Any) -> list[tuple[str, str]]:
    return [(row["code"], row["reason"]["code"]) for row in response.json()["rejected"]]


def status(voucher: Voucher) -> str:
    voucher.refresh_from_db()
    return str(voucher.status)


def test_a_voucher_discounts_a_top_up_by_30_percent(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user, name="Spring")

    quote = post(shopper, QUOTE, order(voucher)).json()

    assert (quote["total"], quote["rejected"]) == ("14.00", [])
    (applied,) = quote["applied"]
    assert (applied["kind"], applied["id"], applied["name"]) == ("voucher", str(voucher.pk), "Spring")
    assert applied["amount"] == "6.00"
    assert status(voucher) == "available"


def test_a_voucher_is_reserved_and_used(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user)

    redemption = reserve_order(shopper, voucher)
    assert status(voucher) == "reserved"
    assert post(shopper, f"{REDEMPTIONS}{redemption}/confirm/").status_code == 200

    assert status(voucher) == "used"
    assert reasons(post(shopper, QUOTE, order(voucher))) == [(str(voucher.pk), "voucher_used")]
    again = post(shopper, REDEMPTIONS, order(voucher, order="2"))
    assert (again.status_code, again.json()["code"], again.json()["code_text"]) == (
        409, "voucher_used", str(voucher.pk),
    )  # fmt: skip
    assert Redemption.objects.count() == 1
    assert list(check(at=timezone.now(), repair=False)) == []


def test_a_voucher_reserved_by_another_order_is_rejected(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user)
    reserve_order(shopper, voucher)

    rejected_order = post(shopper, REDEMPTIONS, order(voucher, order="2"))

    assert (rejected_order.status_code, rejected_order.json()["code"]) == (409, "voucher_used")


def test_a_canceled_order_releases_its_voucher(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user)
    redemption = reserve_order(shopper, voucher)

    for _ in range(2):
        post(shopper, f"{REDEMPTIONS}{redemption}/cancel/")

    assert status(voucher) == "available"
    reserve_order(shopper, voucher, order="2")


def test_an_expired_order_releases_its_voucher_at_once(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user)
    redemption = reserve_order(shopper, voucher)
    past = timezone.now() - timedelta(seconds=1)
    Redemption.objects.update(expires_at=past)
    Voucher.objects.update(reserved_until=past)

    other = reserve_order(shopper, voucher, order="2")

    release_expired(at=timezone.now())
    voucher.refresh_from_db()
    assert (voucher.status, str(voucher.redemption_id)) == ("reserved", other)
    confirmed_late = post(shopper, f"{REDEMPTIONS}{redemption}/confirm/")
    assert (confirmed_late.status_code, confirmed_late.json()["code"]) == (409, "reservation_expired")


def test_a_refund_returns_the_voucher_unless_it_has_expired(
    user: User, shopper: Client, brand_client: ClientOf
) -> None:
    brand: Brand = BrandFactory()
    valid, expired = issue_voucher(user, brand=brand), issue_voucher(user, brand=brand)
    server, customer = brand_client(brand), {"customer_id": user.customer.customer_id}
    for number, voucher in enumerate((valid, expired)):
        redemption = reserve_order(server, voucher, order=str(number), **customer)
        post(server, f"{REDEMPTIONS}{redemption}/confirm/")
    Voucher.objects.filter(pk=expired.pk).update(expires_at=timezone.now())

    for pk in Redemption.objects.values_list("pk", flat=True):
        assert post(server, f"{REDEMPTIONS}{pk}/refund/").status_code == 200

    assert (status(valid), status(expired)) == ("available", "expired")


def test_a_voucher_is_rejected_for_another_transaction_type(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user)

    quote = post(shopper, QUOTE, order(voucher, transaction_type="purchase"))
    rejected_order = post(shopper, REDEMPTIONS, order(voucher, transaction_type="purchase"))

    assert reasons(quote) == [(str(voucher.pk), "voucher_wrong_type")]
    assert quote.json()["rejected"][0]["reason"]["voucher_type"] == "topup"
    assert (rejected_order.status_code, rejected_order.json()["code"]) == (409, "voucher_wrong_type")
    assert status(voucher) == "available"


def test_an_expired_voucher_is_rejected_before_it_is_marked(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user)
    Voucher.objects.update(expires_at=timezone.now())

    assert reasons(post(shopper, QUOTE, order(voucher))) == [(str(voucher.pk), "voucher_expired")]
    rejected_order = post(shopper, REDEMPTIONS, order(voucher))
    assert (rejected_order.status_code, rejected_order.json()["code"]) == (409, "voucher_expired")


@pytest.mark.parametrize("case", ["revoked", "brand"])
def test_revoked_vouchers_and_those_of_inactive_brands_are_inactive(user: User, shopper: Client, case: str) -> None:
    voucher = issue_voucher(user)
    if case == "revoked":
        Voucher.objects.update(status="revoked", revoked_at=timezone.now())
    else:
        Brand.objects.update(is_active=False)

    assert reasons(post(shopper, QUOTE, order(voucher))) == [(str(voucher.pk), "code_inactive")]


def test_vouchers_of_other_shoppers_are_not_found(user: User, shopper: Client) -> None:
    others, unknown = issue_voucher(ShopperFactory()), str(uuid.uuid4())

    payload = order(others, vouchers=[str(others.pk), unknown])
    rejected = post(shopper, QUOTE, payload).json()["rejected"]

    assert [row["code"] for row in rejected] == [str(others.pk), unknown]
    assert rejected[0]["reason"] == rejected[1]["reason"]
    assert rejected[0]["reason"]["code"] == "code_not_found"
    assert post(shopper, REDEMPTIONS, payload).json()["code"] == "code_not_found"
    assert status(others) == "available"


def test_a_brand_server_redeems_the_voucher_of_a_customer(user: User, brand_client: ClientOf) -> None:
    voucher = issue_voucher(user)
    server = brand_client(voucher.campaign.brand)

    reserve_order(server, voucher, customer_id=user.customer.customer_id)

    assert status(voucher) == "reserved"
    stranger = post(server, QUOTE, order(voucher, customer_id="somebody-else"))
    assert reasons(stranger) == [(str(voucher.pk), "code_not_found")]


def test_a_voucher_sent_twice_is_applied_once(user: User, shopper: Client) -> None:
    voucher = issue_voucher(user)

    quote = post(shopper, QUOTE, order(voucher, voucher)).json()

    assert (quote["total"], len(quote["applied"])) == ("14.00", 1)


def test_available_offers_include_the_vouchers_of_the_shopper(user: User, shopper: Client) -> None:
    voucher, used, other = issue_voucher(user), issue_voucher(user), issue_voucher(ShopperFactory())
    Voucher.objects.filter(pk=used.pk).update(status="used", redemption_id=uuid.uuid4())

    offered = shopper.get(OFFERS).json()["results"]
    priced = post(shopper, OFFERS, TOPUP).json()["results"]
    other_type = post(shopper, OFFERS, TOPUP | {"transaction_type": "purchase"}).json()["results"]

    assert [row["id"] for row in offered] == [str(voucher.pk)]
    assert [(row["id"], row["amount"]) for row in priced] == [(str(voucher.pk), "6.00")]
    assert [row["reason"]["code"] for row in other_type] == ["condition_not_met"]
    assert status(other) == "available"


def test_a_voucher_that_expires_after_pricing_rejects_the_order(
    user: User, shopper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    voucher = issue_voucher(user)

    reserve = backend.reserve

    def expire_and_reserve(*, purchase: Purchase) -> None:
        Voucher.objects.update(expires_at=purchase.at)
        reserve(purchase=purchase)

    monkeypatch.setattr(backend, "reserve", expire_and_reserve)
    rejected_order = post(shopper, REDEMPTIONS, order(voucher))

    assert (rejected_order.status_code, rejected_order.json()["code"]) == (409, "voucher_expired")
    assert not Redemption.objects.exists()


def test_a_campaign_can_discount_by_an_amount(user: User, shopper: Client) -> None:
    offer = {"benefits": [{"kind": "amount", "value": "5.00", "currency": "EUR", "on": "order"}]}
    voucher = issue_voucher(user, offer=offer, voucher_type="purchase")

    quote = post(shopper, QUOTE, order(voucher, transaction_type="purchase")).json()

    assert quote["total"] == "15.00"


def test_expired_vouchers_are_marked(user: User) -> None:
    expired, valid = issue_voucher(user, voucher_valid_days=1), issue_voucher(user, voucher_valid_days=30)

    assert expiry.expire_vouchers(at=timezone.now() + timedelta(days=2)) == 1
    assert expiry.expire_vouchers(at=timezone.now() + timedelta(days=2)) == 0

    assert (status(expired), status(valid)) == ("expired", "available")
