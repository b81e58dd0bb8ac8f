"""Vouchers at checkout: chosen by their id, good once, for their type of transaction."""

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
from promotions.contracts import Purchase
from tests.factories import BrandFactory, CampaignFactory, ShopperFactory
from vouchers import backend
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
    made: User = ShopperFactory()
    return made


@pytest.fixture
def shopper(user: User, shopper_client: ClientOf) -> Client:
    return shopper_client(user)


def won(user: User, **campaign: Any) -> Voucher:
    """A voucher of a campaign of its own."""
    made: Campaign = CampaignFactory(**campaign)
    claim(campaign=made.slug, customer_key=user.customer.pk, at=timezone.now())
    return Voucher.objects.get(campaign=made, customer=user.customer)


def post(client: Client, path: str, body: object = None) -> Any:
    return client.post(path, {} if body is None else body, content_type="application/json")


def order(*vouchers: Voucher, **changes: Any) -> dict[str, Any]:
    return TOPUP | {"vouchers": [str(it.pk) for it in vouchers], "order": "1"} | changes


def reserved(client: Client, *vouchers: Voucher, **changes: Any) -> str:
    response = post(client, REDEMPTIONS, order(*vouchers, **changes))
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def reasons(response: Any) -> list[tuple[str, str]]:
    return [(row["code"], row["reason"]["code"]) for row in response.json()["rejected"]]


def state(voucher: Voucher) -> str:
    voucher.refresh_from_db()
    return str(voucher.status)


def test_a_voucher_takes_thirty_per_cent_off_a_top_up(user: User, shopper: Client) -> None:
    voucher = won(user, name="Spring")

    quote = post(shopper, QUOTE, order(voucher)).json()

    assert (quote["total"], quote["rejected"]) == ("14.00", [])
    (applied,) = quote["applied"]
    assert (applied["kind"], applied["id"], applied["title"]) == ("voucher", str(voucher.pk), "Spring")
    assert applied["amount"] == "6.00"
    assert state(voucher) == "available"


def test_a_voucher_is_reserved_and_used(user: User, shopper: Client) -> None:
    voucher = won(user)

    redemption = reserved(shopper, voucher)
    assert state(voucher) == "reserved"
    assert post(shopper, f"{REDEMPTIONS}{redemption}/confirm/").status_code == 200

    assert state(voucher) == "used"
    assert reasons(post(shopper, QUOTE, order(voucher))) == [(str(voucher.pk), "voucher_used")]
    again = post(shopper, REDEMPTIONS, order(voucher, order="2"))
    assert (again.status_code, again.json()["code"], again.json()["code_text"]) == (
        409, "voucher_used", str(voucher.pk),
    )  # fmt: skip
    assert Redemption.objects.count() == 1
    assert list(check(at=timezone.now(), repair=False)) == []


def test_what_another_order_holds_cannot_be_had(user: User, shopper: Client) -> None:
    voucher = won(user)
    reserved(shopper, voucher)

    refused = post(shopper, REDEMPTIONS, order(voucher, order="2"))

    assert (refused.status_code, refused.json()["code"]) == (409, "voucher_used")


def test_a_cancelled_order_gives_its_voucher_back(user: User, shopper: Client) -> None:
    voucher = won(user)
    redemption = reserved(shopper, voucher)

    for _ in range(2):
        post(shopper, f"{REDEMPTIONS}{redemption}/cancel/")

    assert state(voucher) == "available"
    reserved(shopper, voucher, order="2")


def test_an_expired_order_lets_go_at_once_and_for_good(user: User, shopper: Client) -> None:
    voucher = won(user)
    redemption = reserved(shopper, voucher)
    past = timezone.now() - timedelta(seconds=1)
    Redemption.objects.update(expires_at=past)
    Voucher.objects.update(reserved_until=past)

    other = reserved(shopper, voucher, order="2")

    release_expired(at=timezone.now())
    voucher.refresh_from_db()
    assert (voucher.status, str(voucher.redemption_id)) == ("reserved", other)
    late = post(shopper, f"{REDEMPTIONS}{redemption}/confirm/")
    assert (late.status_code, late.json()["code"]) == (409, "reservation_expired")


def test_a_refund_gives_the_voucher_back_as_long_as_it_is_good(
    user: User, shopper: Client, brand_client: ClientOf
) -> None:
    brand: Brand = BrandFactory()
    good, late = won(user, brand=brand), won(user, brand=brand)
    server, who = brand_client(brand), {"customer_id": user.customer.customer_id}
    for number, voucher in enumerate((good, late)):
        redemption = reserved(server, voucher, order=str(number), **who)
        post(server, f"{REDEMPTIONS}{redemption}/confirm/")
    Voucher.objects.filter(pk=late.pk).update(expires_at=timezone.now())

    for pk in Redemption.objects.values_list("pk", flat=True):
        assert post(server, f"{REDEMPTIONS}{pk}/refund/").status_code == 200

    assert (state(good), state(late)) == ("available", "expired")


def test_a_purchase_is_no_top_up(user: User, shopper: Client) -> None:
    voucher = won(user)

    quote = post(shopper, QUOTE, order(voucher, transaction_type="purchase"))
    refused = post(shopper, REDEMPTIONS, order(voucher, transaction_type="purchase"))

    assert reasons(quote) == [(str(voucher.pk), "voucher_wrong_type")]
    assert quote.json()["rejected"][0]["reason"]["voucher_type"] == "topup"
    assert (refused.status_code, refused.json()["code"]) == (409, "voucher_wrong_type")
    assert state(voucher) == "available"


def test_an_expired_voucher_is_refused_before_anyone_has_written_it_down(user: User, shopper: Client) -> None:
    voucher = won(user)
    Voucher.objects.update(expires_at=timezone.now())

    assert reasons(post(shopper, QUOTE, order(voucher))) == [(str(voucher.pk), "voucher_expired")]
    refused = post(shopper, REDEMPTIONS, order(voucher))
    assert (refused.status_code, refused.json()["code"]) == (409, "voucher_expired")


@pytest.mark.parametrize("why", ["revoked", "brand"])
def test_what_its_brand_took_back_is_not_active(user: User, shopper: Client, why: str) -> None:
    voucher = won(user)
    if why == "revoked":
        Voucher.objects.update(status="revoked", revoked_at=timezone.now())
    else:
        Brand.objects.update(is_active=False)

    assert reasons(post(shopper, QUOTE, order(voucher))) == [(str(voucher.pk), "code_inactive")]


def test_anothers_voucher_is_as_one_that_there_is_not(user: User, shopper: Client) -> None:
    others, nobodys = won(ShopperFactory()), str(uuid.uuid4())

    asked = order(others, vouchers=[str(others.pk), nobodys])
    rejected = post(shopper, QUOTE, asked).json()["rejected"]

    assert [row["code"] for row in rejected] == [str(others.pk), nobodys]
    assert rejected[0]["reason"] == rejected[1]["reason"]
    assert rejected[0]["reason"]["code"] == "code_not_found"
    assert post(shopper, REDEMPTIONS, asked).json()["code"] == "code_not_found"
    assert state(others) == "available"


def test_a_brands_server_spends_its_customers_voucher(user: User, brand_client: ClientOf) -> None:
    voucher = won(user)
    server = brand_client(voucher.campaign.brand)

    reserved(server, voucher, customer_id=user.customer.customer_id)

    assert state(voucher) == "reserved"
    stranger = post(server, QUOTE, order(voucher, customer_id="somebody-else"))
    assert reasons(stranger) == [(str(voucher.pk), "code_not_found")]


def test_one_voucher_twice_in_a_cart_is_one(user: User, shopper: Client) -> None:
    voucher = won(user)

    quote = post(shopper, QUOTE, order(voucher, voucher)).json()

    assert (quote["total"], len(quote["applied"])) == ("14.00", 1)


def test_what_a_shopper_could_have_now_names_their_vouchers(user: User, shopper: Client) -> None:
    voucher, used, other = won(user), won(user), won(ShopperFactory())
    Voucher.objects.filter(pk=used.pk).update(status="used", redemption_id=uuid.uuid4())

    offered = shopper.get(OFFERS).json()["results"]
    priced = post(shopper, OFFERS, TOPUP).json()["results"]
    elsewhere = post(shopper, OFFERS, TOPUP | {"transaction_type": "purchase"}).json()["results"]

    assert [it["id"] for it in offered] == [str(voucher.pk)]
    assert [(it["id"], it["amount"]) for it in priced] == [(str(voucher.pk), "6.00")]
    assert [it["reason"]["code"] for it in elsewhere] == ["condition_not_met"]
    assert state(other) == "available"


def test_a_voucher_that_is_lost_between_price_and_purchase_refuses_the_order(
    user: User, shopper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    voucher = won(user)

    real = backend.reserve

    def late(*, purchase: Purchase) -> None:
        Voucher.objects.update(expires_at=purchase.at)
        real(purchase=purchase)

    monkeypatch.setattr(backend, "reserve", late)
    refused = post(shopper, REDEMPTIONS, order(voucher))

    assert (refused.status_code, refused.json()["code"]) == (409, "voucher_expired")
    assert not Redemption.objects.exists()


def test_a_campaign_may_take_an_amount_off(user: User, shopper: Client) -> None:
    offer = {"benefits": [{"kind": "amount", "value": "5.00", "currency": "EUR", "on": "order"}]}
    voucher = won(user, offer=offer, voucher_type="purchase")

    quote = post(shopper, QUOTE, order(voucher, transaction_type="purchase")).json()

    assert quote["total"] == "15.00"


def test_time_marks_what_nobody_used(user: User) -> None:
    late, good = won(user, voucher_valid_days=1), won(user, voucher_valid_days=30)

    assert expiry.expire_vouchers(at=timezone.now() + timedelta(days=2)) == 1
    assert expiry.expire_vouchers(at=timezone.now() + timedelta(days=2)) == 0

    assert (state(late), state(good)) == ("expired", "available")
