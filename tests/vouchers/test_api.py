"""API of campaigns, first logins and vouchers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import hashers
from accounts.contracts import Role
from accounts.models import Brand, User
from core.concurrency import ConcurrencyLimiter
from redemptions.lifecycle import Action
from tests.factories import PASSWORD, BrandFactory, CampaignFactory, MembershipFactory, ShopperFactory, UserFactory
from vouchers.models import Campaign, FirstLogin, Voucher
from vouchers.services import change_decision

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
CAMPAIGNS, LOGIN, VOUCHERS = "/api/v1/campaigns/", "/api/login-campaign", "/api/v1/vouchers/"
SPRING = {
    "name": "Spring", "slug": "spring", "quota": 2,
    "start_date": "2026-01-01T00:00:00Z", "end_date": "2090-01-01T00:00:00+02:00",
}  # fmt: skip


def post(client: Client, path: str, body: object = None, **headers: str) -> Any:
    return client.post(path, {} if body is None else body, content_type="application/json", headers=headers)


def first_login(client: Client, slug: str, **headers: str) -> Any:
    return post(client, f"{CAMPAIGNS}{slug}/first-login/", **headers)


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="cake")
    return brand


@pytest.fixture
def owner(brand: Brand, shopper_client: ClientOf) -> Client:
    return shopper_client(MembershipFactory(brand=brand).user)


@pytest.fixture
def campaign(brand: Brand) -> Campaign:
    campaign: Campaign = CampaignFactory(brand=brand, slug="spring", name="Spring", quota=2)
    return campaign


# --- staff -----------------------------------------------------------------------------------------------------------
def test_a_campaign_defaults_to_100_vouchers_of_30_percent(owner: Client) -> None:
    payload = {name: value for name, value in SPRING.items() if name != "quota"}

    response = post(owner, CAMPAIGNS, payload)

    assert response.status_code == 201
    created = response.json()
    assert (created["quota"], created["issued"], created["logins"], created["discount"]) == (100, 0, 0, 30)
    assert (created["voucher_type"], created["voucher_valid_days"], created["status"]) == ("topup", 30, "active")
    assert created["end_date"] == "2089-12-31T22:00:00Z"
    assert owner.get(f"{CAMPAIGNS}spring/").json() == created
    assert [row["slug"] for row in owner.get(CAMPAIGNS).json()["results"]] == ["spring"]


def test_a_brand_server_creates_a_campaign_with_an_offer(brand: Brand, brand_client: ClientOf) -> None:
    offer = {"benefits": [{"kind": "amount", "value": "5.00", "currency": "EUR", "on": "order"}]}

    created = post(
        brand_client(brand), CAMPAIGNS, SPRING | {"offer": offer, "description": "Five euros for you"}
    ).json()

    assert created["offer"] == offer
    assert created["discount"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quota": 0}, "quota"),
        ({"quota": "5"}, "quota"),
        ({"quota": 10**12}, "quota"),
        ({"slug": "not a slug"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"name": None}, "name"),
        ({"start_date": "2027-01-01T00:00:00"}, "start_date"),
        ({"end_date": "2025-01-01T00:00:00Z"}, "end_date"),
        ({"start_date": "2020-01-01T00:00:00Z", "end_date": "2021-01-01T00:00:00Z"}, "end_date"),
        ({"voucher_valid_days": 0}, "voucher_valid_days"),
        ({"offer": []}, "offer"),
        ({"offer": {"benefits": []}}, "offer.benefits"),
        ({"offer": {"benefits": [{"kind": "percent", "value": "0"}]}}, "offer.benefits.0.value"),
        ({"voucher_type": ""}, "voucher_type"),
    ],
)
def test_field_errors_are_listed_and_nothing_is_created(owner: Client, change: dict[str, Any], field: str) -> None:
    response = post(owner, CAMPAIGNS, SPRING | change)

    assert response.status_code == 400
    assert field in [error["field"] for error in response.json()["errors"]]
    assert not Campaign.objects.exists()


def test_a_slug_is_unique_across_brands(owner: Client) -> None:
    CampaignFactory(slug="spring")

    response = post(owner, CAMPAIGNS, SPRING)

    assert (response.status_code, response.json()["code"]) == (409, "slug_taken")


def test_a_viewer_cannot_change_campaigns(brand: Brand, campaign: Campaign, shopper_client: ClientOf) -> None:
    viewer = shopper_client(MembershipFactory(brand=brand, role=Role.VIEWER).user)

    assert viewer.get(f"{CAMPAIGNS}spring/").json()["logins"] == 0
    for response in (
        post(viewer, CAMPAIGNS, SPRING), post(viewer, f"{CAMPAIGNS}spring/end/"),
        viewer.patch(f"{CAMPAIGNS}spring/", {"quota": 9}, content_type="application/json"),
    ):  # fmt: skip
        assert response.status_code == 403
    campaign.refresh_from_db()
    assert (campaign.decision, campaign.counter.quota) == ("published", 2)


def test_an_ended_campaign_stays_ended(owner: Client, campaign: Campaign, shopper_client: ClientOf) -> None:
    assert post(owner, f"{CAMPAIGNS}spring/end/").json()["status"] == "ended"
    assert post(owner, f"{CAMPAIGNS}spring/end/").status_code == 200

    rejected = owner.patch(f"{CAMPAIGNS}spring/", {"quota": 9}, content_type="application/json")
    assert (rejected.status_code, rejected.json()["code"]) == (409, "invalid_status")
    answer = first_login(shopper_client(ShopperFactory()), "spring")
    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_not_open")
    assert not FirstLogin.objects.exists()


def test_a_higher_quota_serves_the_waiting_list_in_order(
    owner: Client, campaign: Campaign, shopper_client: ClientOf
) -> None:
    users = [ShopperFactory() for _ in range(5)]
    for user in users:
        first_login(shopper_client(user), "spring")

    answer = owner.patch(f"{CAMPAIGNS}spring/", {"quota": 4}, content_type="application/json").json()

    assert (answer["quota"], answer["issued"], answer["logins"]) == (4, 4, 5)
    ranks = Voucher.objects.order_by("rank").values_list("customer__user", "rank")
    assert list(ranks) == [(user.pk, number) for number, user in enumerate(users[:4], 1)]
    assert first_login(shopper_client(users[3]), "spring").json()["voucher"]["rank"] == 4
    assert first_login(shopper_client(users[4]), "spring").json()["voucher"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quota": 1}, "quota"), ({"end_date": "2030-12-30T00:00:00Z"}, "end_date"), ({"quota": None}, "quota"),
        ({"end_date": 5}, "end_date"),
    ],
)  # fmt: skip
def test_a_campaign_can_only_be_extended(owner: Client, campaign: Campaign, change: dict[str, Any], field: str) -> None:
    response = owner.patch(f"{CAMPAIGNS}spring/", change, content_type="application/json")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    campaign.refresh_from_db()
    assert (campaign.counter.quota, campaign.end_date.year) == (2, 2030)


def test_a_later_end_is_accepted_repeatedly(owner: Client, campaign: Campaign) -> None:
    for _ in range(2):
        answer = owner.patch(
            f"{CAMPAIGNS}spring/", {"quota": 2, "end_date": "2031-06-01T00:00:00Z"}, content_type="application/json"
        )
        assert answer.json()["end_date"] == "2031-06-01T00:00:00Z"


# --- shoppers --------------------------------------------------------------------------------------------------------
def test_first_logins_get_vouchers_until_the_campaign_is_full(campaign: Campaign, shopper_client: ClientOf) -> None:
    one, two, three = (shopper_client(ShopperFactory()) for _ in range(3))

    first, second, third = (first_login(client, "spring") for client in (one, two, three))

    assert (first.status_code, first.json()["result"], first.json()["rank"]) == (201, "voucher_granted", 1)
    assert (second.status_code, second.json()["rank"]) == (201, 2)
    assert (third.status_code, third.json()) == (200, {"result": "campaign_full"})
    again = first_login(one, "spring")
    assert (again.status_code, again.json()) == (
        200, {"result": "already_logged_in", "voucher": first.json()["voucher"]},
    )  # fmt: skip
    assert first_login(three, "spring").json() == {"result": "already_logged_in", "voucher": None}


def test_shoppers_see_only_their_own_vouchers(campaign: Campaign, shopper_client: ClientOf) -> None:
    user, other = ShopperFactory(), ShopperFactory()
    issued = first_login(shopper_client(user), "spring").json()["voucher"]
    first_login(shopper_client(other), "spring")

    (listed,) = shopper_client(user).get(VOUCHERS).json()["results"]

    assert listed == issued
    assert listed["user"] == str(user.uuid)
    assert (listed["discount"], listed["voucher_type"], listed["status"]) == (30, "topup", "available")
    assert listed["description"] == "30% off: Spring"
    assert {"id", "expire_date", "created_date"} <= set(listed)


@pytest.mark.parametrize(
    ("language", "description"),
    [
        ("en", "12.5% off: 100% Spring"),
        ("de", "12.5 % Rabatt: 100% Spring"),
        ("es", "12.5 % de descuento: 100% Spring"),
    ],
)
def test_the_text_of_a_voucher_is_in_the_language(
    language: str, description: str, brand: Brand, shopper_client: ClientOf
) -> None:
    offer = {"benefits": [{"kind": "percent", "value": "12.5", "on": "order"}]}
    CampaignFactory(brand=brand, slug="spring", name="100% Spring", offer=offer)
    CampaignFactory(brand=brand, slug="own", description="Half of 50%")
    client = shopper_client(ShopperFactory())
    headers = {"Accept-Language": language}

    claimed = [first_login(client, slug, **headers).json()["voucher"] for slug in ("spring", "own")]
    listed = client.get(VOUCHERS, headers=headers).json()["results"]

    assert [voucher["description"] for voucher in claimed] == [description, "Half of 50%"]
    assert {voucher["description"] for voucher in listed} == {description, "Half of 50%"}


def test_expired_vouchers_are_listed_and_revoked_ones_are_not(campaign: Campaign, shopper_client: ClientOf) -> None:
    client = shopper_client(ShopperFactory())
    first_login(client, "spring")

    Voucher.objects.update(created_at="2026-01-01T00:00:00Z", expires_at="2026-01-02T00:00:00Z")
    assert [row["status"] for row in client.get(VOUCHERS).json()["results"]] == ["expired"]
    Voucher.objects.update(status="revoked", revoked_at="2026-01-02T00:00:00Z")
    assert client.get(VOUCHERS).json()["results"] == []


def test_a_repeated_idempotency_key_returns_the_same_answer(campaign: Campaign, shopper_client: ClientOf) -> None:
    client = shopper_client(ShopperFactory())

    first, again = (first_login(client, "spring", **{"Idempotency-Key": "1"}) for _ in range(2))

    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotency-Replayed"] == "true"


def test_only_shoppers_can_take_part(campaign: Campaign, brand: Brand, brand_client: ClientOf) -> None:
    server = brand_client(brand)

    assert first_login(server, "spring").status_code == 403
    assert server.get(VOUCHERS).status_code == 403
    assert first_login(Client(), "spring").status_code == 401


def test_a_deactivated_shopper_gets_no_voucher(campaign: Campaign, shopper_client: ClientOf) -> None:
    user = ShopperFactory()
    client = shopper_client(user)
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert first_login(client, "spring").json()["code"] == "token_invalid"
    assert not FirstLogin.objects.exists()


def test_a_shopper_sees_only_public_fields(campaign: Campaign, shopper_client: ClientOf) -> None:
    answer = shopper_client(ShopperFactory()).get(f"{CAMPAIGNS}spring/").json()

    assert (answer["slug"], answer["quota"], answer["issued"], answer["discount"]) == ("spring", 2, 0, 30)
    assert not {"logins", "offer", "created_at"} & set(answer)


def test_another_brands_staff_do_not_see_a_campaign(
    campaign: Campaign, shopper_client: ClientOf, brand_client: ClientOf
) -> None:
    for stranger in (shopper_client(MembershipFactory().user), brand_client(BrandFactory())):
        assert stranger.get(f"{CAMPAIGNS}spring/").status_code == 404
        assert post(stranger, f"{CAMPAIGNS}spring/end/").status_code == 404
        assert stranger.get(CAMPAIGNS).json()["results"] == []


def test_an_unknown_slug_is_not_found(shopper_client: ClientOf, owner: Client) -> None:
    shopper = shopper_client(ShopperFactory())

    assert shopper.get(f"{CAMPAIGNS}nosuch/").status_code == 404
    assert owner.get(f"{CAMPAIGNS}nosuch/").status_code == 404
    assert first_login(shopper, "nosuch").json()["code"] == "not_found"


# --- sign-in ---------------------------------------------------------------------------------------------------------
def login(**body: object) -> Any:
    return post(Client(), LOGIN, body)


def test_a_sign_in_takes_part_in_every_active_campaign(campaign: Campaign) -> None:
    full = CampaignFactory(slug="full", quota=1)
    change_decision(campaign=CampaignFactory(slug="closed"), action=Action.END, at=timezone.now())
    early, user = ShopperFactory(), ShopperFactory()
    login(account=early.username, password=PASSWORD, campaign=full.slug)

    response = login(account=user.email, password=PASSWORD)

    assert response.status_code == 200
    answer = response.json()
    assert (answer["status"], answer["errorCode"], answer["errorMessage"]) == (True, "", "")
    assert answer["campaigns"] == [
        {"slug": "spring", "result": "voucher_granted"}, {"slug": "full", "result": "campaign_full"},
    ]  # fmt: skip
    assert [row["campaign"] for row in answer["vouchers"]] == ["spring"]
    client = Client(headers={"Authorization": f"Bearer {answer['access']}"})
    assert client.get(VOUCHERS).json()["results"] == answer["vouchers"]
    assert response["Cache-Control"] == "no-store"


def test_a_second_sign_in_returns_the_voucher_of_the_first(campaign: Campaign) -> None:
    user = ShopperFactory()
    first = login(account=user.username, password=PASSWORD, campaign="spring").json()

    again = login(account=user.username, password=PASSWORD, campaign="spring").json()

    assert again["campaigns"] == [{"slug": "spring", "result": "already_logged_in"}]
    assert again["vouchers"] == first["vouchers"]
    assert Voucher.objects.count() == 1


@pytest.mark.parametrize("slug", ["nosuch", "closed", "../x"])
def test_a_sign_in_succeeds_without_an_active_campaign(slug: str) -> None:
    change_decision(campaign=CampaignFactory(slug="closed"), action=Action.END, at=timezone.now())
    user = ShopperFactory()

    answer = login(account=user.username, password=PASSWORD, campaign=slug).json()

    assert answer["status"] is True
    assert answer["campaigns"] == [{"slug": slug, "result": "campaign_not_open"}]
    assert answer["vouchers"] == []


def test_a_user_who_is_not_a_shopper_takes_part_in_no_campaign(campaign: Campaign) -> None:
    answer = login(account=UserFactory().username, password=PASSWORD).json()

    assert (answer["status"], answer["campaigns"], answer["vouchers"]) == (True, [], [])
    assert not FirstLogin.objects.exists()


def test_claims_by_token_work_while_password_checks_are_busy(
    campaign: Campaign, shopper_client: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, limiter = ShopperFactory(), ConcurrencyLimiter(max_concurrent=1, max_waiting=0)
    monkeypatch.setattr(hashers, "limiter", limiter)

    with limiter.acquire(timeout=1):  # another password is being checked
        rejected = login(account=user.username, password=PASSWORD)
        claimed = shopper_client(user).post(f"/api/v1/campaigns/{campaign.slug}/first-login/")
    later = login(account=user.username, password=PASSWORD)

    assert (rejected.status_code, rejected.json()["errorCode"]) == (503, "unavailable")
    assert rejected["Retry-After"]
    assert claimed.status_code == 201
    assert later.json()["campaigns"] == [{"slug": campaign.slug, "result": "already_logged_in"}]


@pytest.mark.parametrize("case", ["unknown", "wrong"])
def test_a_failed_sign_in_has_the_same_format(campaign: Campaign, case: str) -> None:
    account = ShopperFactory().username if case == "wrong" else "unknown-account"

    response = login(account=account, password="wrong")

    assert response.status_code == 401
    answer = response.json()
    assert set(answer) == {"status", "errorCode", "errorMessage"}
    assert (answer["status"], answer["errorCode"]) == (False, "invalid_credentials")
    assert answer["errorMessage"]
    assert not FirstLogin.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "invalid"),
        ("[]", 400, "invalid"),
        ('{"account": 5, "password": "x"}', 400, "invalid"),
        ('{"account": "a"}', 400, "invalid"),
        ('{"account": "a", "password": "b", "campaign": []}', 400, "invalid"),
        ('{"account": "\\u0000", "password": "b"}', 400, "invalid"),
    ],
)
def test_an_invalid_sign_in_has_the_same_format(body: str, status: int, code: str) -> None:
    response = Client().post(LOGIN, body, content_type="application/json")

    assert response.status_code == status
    answer = response.json()
    assert (answer["status"], answer["errorCode"]) == (False, code)
    assert answer["errorMessage"]


def test_wrong_methods_and_content_types_have_the_same_format() -> None:
    wrong_method, wrong_type = Client().get(LOGIN), Client().post(LOGIN, "a=b", content_type="text/plain")

    assert (wrong_method.status_code, wrong_method.json()["errorCode"]) == (405, "method_not_allowed")
    assert wrong_method["Allow"] == "POST, OPTIONS"
    assert (wrong_type.status_code, wrong_type.json()["errorCode"]) == (415, "unsupported_media_type")


def test_failed_sign_ins_are_throttled(settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"login_account": "2/minute closed"}
    user = ShopperFactory()
    for _ in range(2):
        login(account=user.username, password="wrong")

    response = login(account=user.username, password=PASSWORD)

    assert (response.status_code, response.json()["errorCode"]) == (429, "throttled")
    assert int(response["Retry-After"]) > 0
