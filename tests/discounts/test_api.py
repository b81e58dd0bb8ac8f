"""API of discount codes and their redemptions."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, User
from discounts.models import DiscountCode, Usage, UsageReturn
from segments.services import apply_audience
from tests.factories import BrandFactory, DiscountCodeFactory, DiscountRuleFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
CODES, REDEMPTIONS = "/api/v1/discountcode/", "/api/v1/discountcodeusage/"


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def owner(billo: Brand) -> User:
    user: User = MembershipFactory(brand=billo).user
    return user


def in_a_year() -> str:
    return (timezone.now() + timedelta(days=365)).isoformat()


def post(client: Client, path: str, body: object, **headers: str) -> Any:
    return client.post(path, body, content_type="application/json", headers=headers)


def code_data(**changes: object) -> dict[str, object]:
    return {"id": "AHMED2022BILLO", "rule": {"discount": 10}, "validity": "2099-01-31T23:59:59+01:00"} | changes


def test_staff_create_a_code(shopper_client: ClientOf, owner: User) -> None:
    response = post(shopper_client(owner), CODES, code_data(id=" ahmed2022billo "))

    assert response.status_code == 201
    data = response.json()
    assert data.pop("start_date") == data.pop("created_at")
    assert data.pop("updated_at").endswith("Z")
    assert data.pop("offer_id") == str(DiscountCode.objects.get().offer_id)
    rule = data.pop("rule")
    assert uuid.UUID(rule.pop("id")).version == 7
    percentage = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
    assert rule == {"name": "", "discount": 10, "audience": None, "terms": {}, "offer": percentage}
    assert data == {
        "id": "AHMED2022BILLO", "brand": "billo", "validity": "2099-01-31T22:59:59Z", "status": "active",
        "external_id": None, "metadata": {},
        "notified": {"planned": 0, "sent": 0, "failed": 0},
        "results": {"reserved": 0, "confirmed": 0, "returned": 0, "orders": 0, "amounts": {}},
        "limit_strategy": "sharded", "max_overshoot": 0, "budget": None, "budget_left": None,
        "max_per_order": None, "max_per_customer": None,
        "limits": {"total": None, "per_day": None, "per_week": None, "per_month": None, "units": None},
    }  # fmt: skip


def test_a_brands_server_creates_a_code(brand_client: ClientOf, billo: Brand) -> None:
    assert post(brand_client(billo), CODES, code_data()).status_code == 201
    assert DiscountCode.objects.get().brand == billo


def test_a_code_for_another_brand_is_rejected(
    shopper_client: ClientOf, brand_client: ClientOf, owner: User, billo: Brand
) -> None:
    BrandFactory(slug="cake")

    for client in (shopper_client(owner), brand_client(billo)):
        response = post(client, CODES, code_data(brand="cake"))
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")

    assert not DiscountCode.objects.exists()


def test_viewers_and_shoppers_cannot_create_codes(shopper_client: ClientOf, billo: Brand) -> None:
    viewer = MembershipFactory(brand=billo, role=Role.VIEWER).user

    for user in (viewer, ShopperFactory()):
        assert post(shopper_client(user), CODES, code_data()).status_code == 403

    assert not DiscountCode.objects.exists()


def test_creating_a_code_needs_authentication() -> None:
    response = post(Client(), CODES, code_data())

    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"id": "AB"}, 400, "invalid", "id"),
        ({"validity": "2020-01-01T00:00:00Z"}, 400, "validity_in_past", "validity"),
        ({"validity": "2099-01-31T23:59:59"}, 400, "invalid", "validity"),
        ({"validity": "soon"}, 400, "invalid", "validity"),
        ({"rule": {"discount": 0}}, 400, "discount_out_of_range", "rule.discount"),
        ({"rule": {"discount": 100}}, 400, "discount_out_of_range", "rule.discount"),
        ({"rule": {"discount": 12.5}}, 400, "discount_out_of_range", "rule.discount"),
        ({"rule": {}}, 400, "discount_out_of_range", "rule.discount"),
        ({"rule": "no such rule"}, 400, "invalid", "rule"),
        ({"rule": None}, 400, "invalid", "rule"),
        ({"rule": {"discount": 10, "audience": 7}}, 400, "invalid", "rule.audience"),
        ({"rule": str(uuid.uuid4())}, 400, "invalid", "rule"),
        ({"notify": "perhaps"}, 400, "invalid", "notify"),
    ],
)
def test_an_invalid_code_is_rejected_by_field(
    changes: dict[str, object], status: int, code: str, field: str, shopper_client: ClientOf, owner: User
) -> None:
    response = post(shopper_client(owner), CODES, code_data(**changes))

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not DiscountCode.objects.exists()


def test_a_code_of_the_brand_is_taken_in_any_spelling_and_one_of_another_brand_is_not(
    shopper_client: ClientOf, owner: User, billo: Brand
) -> None:
    DiscountCodeFactory(text="AHMED-2022BILLO")
    assert post(shopper_client(owner), CODES, code_data()).status_code == 201

    for text in ("AHMED2022BILLO", " ahmed-2022_billo "):
        response = post(shopper_client(owner), CODES, code_data(id=text))
        assert (response.status_code, response.json()["code"]) == (409, "code_taken")
    assert DiscountCode.objects.filter(brand=billo).count() == 1


def test_another_brands_rule_is_rejected_like_an_unknown_one(shopper_client: ClientOf, owner: User) -> None:
    foreign = post(shopper_client(owner), CODES, code_data(rule=str(DiscountRuleFactory().pk))).json()
    unknown = post(shopper_client(owner), CODES, code_data(rule=str(uuid.uuid4()))).json()

    assert foreign == unknown


def test_any_user_reads_a_code_by_text_or_digest_even_after_its_end(shopper_client: ClientOf) -> None:
    code = DiscountCodeFactory(text="OLD", end_date=timezone.now() - timedelta(days=1))
    client = shopper_client(ShopperFactory())

    for name in ("OLD", "old", hashlib.sha256(b"OLD").hexdigest()):
        data = client.get(f"{CODES}{name}/")
        assert data.status_code == 200
        assert data.json()["id"] == code.code
        assert "notified" not in data.json()


def test_an_unknown_code_is_not_found_and_guessing_is_throttled(shopper_client: ClientOf) -> None:
    client = shopper_client(ShopperFactory())

    statuses = [client.get(f"{CODES}GUESS{number}/").status_code for number in range(12)]

    assert statuses == [404] * 10 + [429] * 2
    DiscountCodeFactory(text="REAL")
    assert client.get(f"{CODES}REAL/").status_code == 429
    assert int(client.get(f"{CODES}REAL/")["Retry-After"]) > 0
    assert shopper_client(ShopperFactory()).get(f"{CODES}REAL/").status_code == 200


def test_staff_list_their_own_codes_newest_first(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    DiscountCodeFactory()
    own = [DiscountCodeFactory(brand=billo).code for _ in range(3)]
    client = shopper_client(owner)

    first = client.get(f"{CODES}?limit=2").json()
    second = client.get(first["next"]).json()

    assert [code["id"] for code in first["results"] + second["results"]] == own[::-1]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=nonsense"])
def test_invalid_pagination_parameters_are_rejected(query: str, shopper_client: ClientOf, owner: User) -> None:
    assert shopper_client(owner).get(f"{CODES}?{query}").status_code == 400


def test_a_shopper_lists_the_codes_of_a_brand_that_they_can_redeem(shopper_client: ClientOf, billo: Brand) -> None:
    shopper = ShopperFactory()
    client = shopper_client(shopper)
    usable = DiscountCodeFactory(brand=billo, text="OPEN")
    DiscountCodeFactory(brand=billo, text="QUIET", notify=False)
    DiscountCodeFactory(brand=billo, text="OFF", decision="paused")
    DiscountCodeFactory(brand=billo, text="OLD", end_date=timezone.now())
    DiscountCodeFactory(brand=billo, text="USED")
    DiscountCodeFactory(text="OTHERBRAND")
    DiscountCodeFactory(brand=billo, text="FRIENDS", audience="friends")
    DiscountCodeFactory(brand=billo, text="MEMBERS", audience="members")
    apply_audience(brand=billo, segment_type="members", operation="add", customer_ids=[shopper.customer.customer_id])
    post(client, REDEMPTIONS, {"discount_code": "USED"})

    results = client.get(f"{CODES}?brand=billo").json()["results"]

    assert {code["id"] for code in results} == {usable.code, "MEMBERS"}
    assert client.get(CODES).status_code == 403


def test_an_owner_changes_and_archives_a_code(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    client = shopper_client(owner)

    changed = client.patch(f"{CODES}TEN/", {"validity": in_a_year()}, content_type="application/json")
    assert (changed.status_code, changed.json()["status"]) == (200, "active")

    assert client.delete(f"{CODES}TEN/").status_code == 204
    assert client.delete(f"{CODES}TEN/").status_code == 204
    assert client.get(f"{CODES}TEN/").json()["status"] == "archived"
    assert shopper_client(ShopperFactory()).get(f"{CODES}TEN/").status_code == 404


def test_a_code_is_redeemed_from_its_start_on(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    body = code_data(start_date=in_a_year())
    created = post(shopper_client(owner), CODES, body).json()

    assert created["status"] == "scheduled"
    response = post(shopper_client(ShopperFactory()), REDEMPTIONS, {"discount_code": body["id"]})
    assert (response.status_code, response.json()["code"]) == (409, "code_not_started")


def test_only_its_brand_sees_a_draft(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    created = post(shopper_client(owner), CODES, code_data(status="draft")).json()
    shopper = shopper_client(ShopperFactory())

    assert created["status"] == "draft"
    assert shopper.get(f"{CODES}{created['id']}/").status_code == 404
    assert shopper.get(f"{CODES}{created['offer_id']}/").status_code == 404
    assert shopper_client(owner).get(f"{CODES}{created['id']}/").json()["status"] == "draft"
    assert post(shopper, REDEMPTIONS, {"discount_code": created["id"]}).json()["code"] == "code_inactive"


def test_a_code_is_duplicated_with_another_text(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    client = shopper_client(owner)

    first = post(client, f"{CODES}TEN/duplicate/", {"id": "Other"})
    second = post(client, f"{CODES}TEN/duplicate/", {"id": "other"})

    assert (first.status_code, first.json()["id"], first.json()["status"]) == (201, "OTHER", "draft")
    assert (second.status_code, second.json()["code"]) == (409, "code_taken")


def test_nobody_else_changes_a_code(shopper_client: ClientOf, brand_client: ClientOf, billo: Brand) -> None:
    DiscountCodeFactory(brand=billo, text="TEN")
    viewer = MembershipFactory(brand=billo, role=Role.VIEWER).user
    strangers = [
        shopper_client(MembershipFactory().user),
        brand_client(BrandFactory()),
        shopper_client(ShopperFactory()),
    ]

    for client in strangers:
        response = client.delete(f"{CODES}TEN/")
        assert (response.status_code, response.json()) == (404, client.delete(f"{CODES}NOSUCH/").json())
        assert (
            client.patch(f"{CODES}TEN/", {"validity": in_a_year()}, content_type="application/json").status_code == 404
        )
        assert client.post(f"{CODES}TEN/pause/").status_code == 404
    assert shopper_client(viewer).delete(f"{CODES}TEN/").status_code == 403

    assert DiscountCode.objects.get().decision == "published"


def test_a_shopper_redeems_a_code_on_an_amount(shopper_client: ClientOf, billo: Brand) -> None:
    shopper = ShopperFactory()
    DiscountCodeFactory(brand=billo, text="TEN")

    response = post(
        shopper_client(shopper),
        REDEMPTIONS,
        {"discount_code": "ten", "user": str(shopper.uuid), "amount": "100.05", "currency": "EUR"},
    )

    assert response.status_code == 201
    data = response.json()
    assert uuid.UUID(data.pop("id")).version == 7
    assert data.pop("used_at").endswith("Z")
    assert data == {
        "discount_code": "TEN", "user": str(shopper.uuid), "discount": 10, "currency": "EUR",
        "amount": "100.05", "discount_amount": "10.01", "amount_to_pay": "90.04",
    }  # fmt: skip


def test_an_amount_without_a_currency_is_in_the_brands_currency(shopper_client: ClientOf) -> None:
    DiscountCodeFactory(text="TEN", brand=BrandFactory(currency="JPY"))

    data = post(shopper_client(ShopperFactory()), REDEMPTIONS, {"discount_code": "TEN", "amount": "1255"}).json()

    assert (data["currency"], data["discount_amount"], data["amount_to_pay"]) == (
        "JPY",
        "126",
        "1129",
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "discount_code"),
        ({"discount_code": "TEN", "amount": "1.005", "currency": "EUR"}, "amount"),
        ({"discount_code": "TEN", "amount": "-1.00", "currency": "EUR"}, "amount"),
        ({"discount_code": "TEN", "amount": 1, "currency": "EUR"}, "amount"),
        ({"discount_code": "TEN", "amount": "1.00", "currency": "EURO"}, "currency"),
        ({"discount_code": "TEN", "amount": "1.00", "currency": "ZZZ"}, "currency"),
        ({"discount_code": "TEN", "user": "me"}, "user"),
    ],
)
def test_an_invalid_redemption_is_rejected_by_field(
    body: dict[str, object], field: str, shopper_client: ClientOf
) -> None:
    DiscountCodeFactory(text="TEN")

    response = post(shopper_client(ShopperFactory()), REDEMPTIONS, body)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Usage.objects.exists()


def test_a_caller_can_only_redeem_for_themselves(
    shopper_client: ClientOf, brand_client: ClientOf, billo: Brand
) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)

    response = post(
        shopper_client(ShopperFactory()), REDEMPTIONS, {"discount_code": "TEN", "user": str(ShopperFactory().uuid)}
    )
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert post(brand_client(billo), REDEMPTIONS, {"discount_code": "TEN"}).status_code == 403

    assert not Usage.objects.exists()


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("USED", 409, "code_already_used"),
        ("OFF", 409, "code_inactive"),
        ("OLD", 409, "code_expired"),
        ("FRIENDS", 409, "audience_not_member"),
        ("BIG", 409, "cart_required"),
        ("NOSUCH", 404, "code_not_found"),
        ("!!", 404, "code_not_found"),
    ],
)
def test_a_rejected_redemption_returns_its_reason(
    code: str, status: int, reason: str, shopper_client: ClientOf
) -> None:
    client = shopper_client(ShopperFactory())
    DiscountCodeFactory(text="USED")
    DiscountCodeFactory(text="OFF", decision="paused")
    DiscountCodeFactory(text="OLD", end_date=timezone.now())
    DiscountCodeFactory(text="FRIENDS", audience="friends")
    DiscountCodeFactory(text="BIG", terms={"conditions": [{"kind": "min_subtotal", "value": "50.00"}]})
    post(client, REDEMPTIONS, {"discount_code": "USED"})

    response = post(client, REDEMPTIONS, {"discount_code": code})

    assert (response.status_code, response.json()["code"]) == (status, reason)
    assert Usage.objects.count() == 1


def test_a_brand_returns_a_redemption(shopper_client: ClientOf, brand_client: ClientOf, billo: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=billo)
    shopper = shopper_client(ShopperFactory())
    redemption = post(shopper, REDEMPTIONS, {"discount_code": "TEN"}).json()
    path = f"{REDEMPTIONS}{redemption['id']}/"

    assert shopper.delete(path).status_code == 403
    assert brand_client(BrandFactory()).delete(path).status_code == 404
    assert Usage.objects.count() == 1

    assert [brand_client(billo).delete(path).status_code for _ in range(2)] == [204, 204]
    assert UsageReturn.objects.count() == 1
    assert post(shopper, REDEMPTIONS, {"discount_code": "TEN"}).status_code == 201


def test_the_same_idempotency_key_returns_the_first_response(shopper_client: ClientOf) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(ShopperFactory())

    first, second = (post(client, REDEMPTIONS, {"discount_code": "TEN"}, **{"Idempotency-Key": "k1"}) for _ in range(2))

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first.headers
    assert second["Idempotency-Replayed"] == "true"


def test_a_redemption_costs_one_statement(shopper_client: ClientOf, django_assert_num_queries: Any) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(ShopperFactory())

    with django_assert_num_queries(1):
        assert (
            post(client, REDEMPTIONS, {"discount_code": "TEN", "amount": "10.00", "currency": "EUR"}).status_code == 201
        )
    with django_assert_num_queries(1):
        assert (
            post(client, REDEMPTIONS, {"discount_code": "TEN", "amount": "10.00", "currency": "EUR"}).status_code == 409
        )


@pytest.mark.django_db(transaction=True)
def test_redemptions_beyond_the_queue_limit_are_unavailable(shopper_client: ClientOf, settings: Any) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(ShopperFactory())
    settings.BATCH_MAX_QUEUE = 0

    response = post(client, REDEMPTIONS, {"discount_code": "TEN"})

    assert (response.status_code, response.json()["code"], response["Retry-After"]) == (503, "unavailable", "2")
    assert not Usage.objects.exists()
    settings.BATCH_MAX_QUEUE = 1
    assert post(client, REDEMPTIONS, {"discount_code": "TEN"}).status_code == 201
