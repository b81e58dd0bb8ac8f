"""Consents to marketing emails: each names its brand, with its text, time and page, and a withdrawal works at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import Brand, Consent, CustomerProfile, User
from accounts.selectors import list_subscribed
from accounts.services.profiles import ConsentRecord, ProfileFields, save_profile
from tests.factories import BrandFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db
REGISTER, ME = "/api/v1/auth/register/", "/api/v1/me/"
ORIGIN = "https://www.billo.example"


@pytest.fixture
def billo() -> Brand:
    return BrandFactory(slug="billo", name="Billo")


@pytest.fixture
def cake() -> Brand:
    return BrandFactory(slug="cake", name="Cake")


def register(*consents: Any, **headers: str) -> Any:
    body = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7", "consents": list(consents)}
    return Client().post(REGISTER, body, content_type="application/json", headers=headers)


def sign_in(user: User) -> Client:
    token = services.tokens_for(user=user, at=timezone.now()).access
    return Client(headers={"Authorization": f"Bearer {token}", "Origin": ORIGIN})


def decide(client: Client, brand: str, granted: bool) -> Any:
    body = {"consents": [{"brand": brand, "granted": granted}]}
    return client.patch(ME, body, content_type="application/json")


def subscribed(brand: Brand) -> list[str]:
    return list(list_subscribed(brand_id=brand.pk).values_list("address", flat=True))


def test_a_registration_records_a_consent_for_each_brand(billo: Brand, cake: Brand) -> None:
    before = timezone.now()

    response = register("billo", **{"Origin": ORIGIN, "Accept-Language": "es"})

    assert response.status_code == 202
    consent = Consent.objects.select_related("profile__brand").get()
    assert (consent.profile.brand, consent.profile.customer.user) == (billo, User.objects.get())
    assert (consent.granted, consent.purpose, consent.origin) == (True, "marketing_emails", ORIGIN)
    assert consent.wording == "Quiero recibir correos con ofertas de Billo. Puedo darme de baja en cualquier momento."
    assert before <= consent.decided_at <= timezone.now()
    assert consent.api_key is None
    assert subscribed(billo) == []  # until the address is verified
    User.objects.update(email_verified_at=timezone.now())
    assert (subscribed(billo), subscribed(cake)) == (["ann@example.com"], [])


def test_without_consents_nothing_is_recorded(billo: Brand) -> None:
    assert register().status_code == 202

    assert not CustomerProfile.objects.exists()


@pytest.mark.parametrize("taken", ["username", "email"])
def test_a_registration_of_a_known_account_records_nothing(billo: Brand, taken: str) -> None:
    owner = ShopperFactory(**{"username": {"username": "ann"}, "email": {"email": "ann@example.com"}}[taken])

    assert register("billo").status_code == 202

    assert not Consent.objects.exists()
    assert not CustomerProfile.objects.filter(customer=owner.customer).exists()


@pytest.mark.parametrize("bad", ["nosuch", "gone", "", 7, None, True, ["billo"], {"brand": "billo"}, "b" * 60])
def test_an_unknown_brand_is_named(billo: Brand, bad: Any) -> None:
    BrandFactory(slug="gone", is_active=False)

    response = register("billo", bad)

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["consents.1"]
    assert not User.objects.exists()


def test_a_brand_that_is_named_twice_is_recorded_once(billo: Brand) -> None:
    assert register("billo", "billo").status_code == 202

    assert Consent.objects.count() == 1


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "x" * 5000, "javascript:alert(1)"])
def test_a_strange_origin_is_left_out(billo: Brand, origin: str) -> None:
    assert register("billo", Origin=origin).status_code == 202

    assert Consent.objects.get().origin == ""


# --- own decisions ----------------------------------------------------------------------------------------------------
def test_a_shopper_consents_and_withdraws_for_each_brand(billo: Brand, cake: Brand) -> None:
    user = ShopperFactory(email="ann@example.com")
    client = sign_in(user)

    decide(client, "billo", True)
    decide(client, "cake", True)
    assert (subscribed(billo), subscribed(cake)) == (["ann@example.com"], ["ann@example.com"])
    response = decide(client, "cake", False)

    assert (subscribed(billo), subscribed(cake)) == (["ann@example.com"], [])
    decisions = response.json()["consents"]
    assert [(one["brand"], one["granted"], one["origin"]) for one in decisions] == [
        ("billo", True, ORIGIN), ("cake", False, ORIGIN),
    ]  # fmt: skip
    assert decisions[0]["wording"] == "I want to get emails with offers of Billo. I can unsubscribe at any time."
    assert (decisions[1]["wording"], decisions[0]["purpose"]) == ("", "marketing_emails")
    assert client.get(ME).json()["consents"] == decisions
    assert Consent.objects.count() == 3  # none is changed


def test_the_same_decision_again_changes_nothing(billo: Brand) -> None:
    client = sign_in(ShopperFactory())
    decide(client, "billo", False)
    decide(client, "billo", True)

    decide(client, "billo", True)

    assert list(Consent.objects.values_list("granted", flat=True)) == [True]


@pytest.mark.parametrize(
    "consents",
    [
        [{"brand": "billo"}], [{"granted": True}], [{"brand": "billo", "granted": "yes"}], ["billo"], None,
        {"billo": True},
        [{"brand": "billo", "granted": True, "wording": "x"}], [{"brand": "nosuch", "granted": True}],
    ],
    ids=str,
)  # fmt: skip
def test_strange_decisions_are_refused(billo: Brand, consents: Any) -> None:
    response = sign_in(ShopperFactory()).patch(ME, {"consents": consents}, content_type="application/json")

    assert response.status_code == 400
    assert not Consent.objects.exists()


def test_a_user_without_a_customer_gets_one_by_consenting(billo: Brand) -> None:
    user = UserFactory(email="ann@example.com")

    assert decide(sign_in(user), "billo", True).status_code == 200

    assert subscribed(billo) == ["ann@example.com"]


def test_the_latest_decision_counts_whoever_recorded_it(billo: Brand) -> None:
    user, at = ShopperFactory(email="ann@example.com"), timezone.now()
    services.change_user(user=user, consents={billo: True}, at=at - timedelta(hours=2))

    for granted, hours in ((False, 3), (False, 1)):
        record = ConsentRecord(granted, "", at - timedelta(hours=hours))
        fields = ProfileFields(consent=record)
        save_profile(brand=billo, customer_id=user.customer.customer_id, fields=fields, api_key_id=None, at=at)
        assert subscribed(billo) == (["ann@example.com"] if hours == 3 else [])
