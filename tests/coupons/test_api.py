"""API of coupons, for shoppers and brands."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, User
from core import redis
from coupons.models import CouponDefinition, CouponRedemption
from coupons.services import expire_due
from redemptions.limits.models import Limit
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
COUPONS = "/api/v1/coupons/"
OFFER = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
COUPON = {"title": "Summer", "start_date": "2026-01-01", "end_date": "2099-01-01", "offer": OFFER}
UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def server(brand: Brand, brand_client: Callable[[Brand], Client]) -> Client:
    return brand_client(brand)


@pytest.fixture
def user() -> User:
    user: User = ShopperFactory()
    return user


@pytest.fixture
def shopper(user: User, shopper_client: Callable[[User], Client]) -> Client:
    return shopper_client(user)


def post(client: Client, path: str, body: object = None, status: int = 201, **headers: str) -> Any:
    response = client.post(path, {} if body is None else body, content_type="application/json", headers=headers)
    assert response.status_code == status, response.content
    return response.json()


def total_of(coupon: CouponDefinition) -> QuerySet[Limit]:
    return Limit.objects.filter(owner=coupon.pk, scope__startswith="total")


def url_of(coupon: CouponDefinition, name: str) -> str:
    return f"{COUPONS}{coupon.pk}/{name}/"


# --- brands manage coupons --------------------------------------------------------------------------------------------
def test_a_brand_creates_a_coupon(server: Client) -> None:
    created = post(
        server, COUPONS, COUPON | {"maximum_number_of_coupons": 500, "maximum_number_of_coupons_per_user": 2}
    )

    assert {name: created[name] for name in ("title", "brand", "limit_strategy", "max_overshoot", "remaining")} == {
        "title": "Summer", "brand": "billo", "limit_strategy": "exact", "max_overshoot": 0, "remaining": 500,
    }  # fmt: skip
    assert created["start_date"] == "2025-12-31T23:00:00Z"  # midnight in the brand's time zone
    assert created["offer"] == OFFER
    assert server.get(f"{COUPONS}{created['id']}/").json() == created


def test_an_approximate_coupon_states_its_largest_overshoot(server: Client, settings: Any) -> None:
    settings.COUPON_PROCESSES, settings.COUPON_THREADS = 2, 4

    data = COUPON | {"limit_strategy": "approximate", "maximum_number_of_coupons": 1000}

    assert post(server, COUPONS, data)["max_overshoot"] == 2 * (5 - 1 + 4)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": 7}, "title"),
        ({"title": "\0"}, ""),
        ({"end_date": "2025-01-01"}, "end_date"),
        ({"end_date": "2026-02-01"}, "end_date"),
        ({"start_date": "soon"}, "start_date"),
        ({"maximum_number_of_coupons": 0}, "maximum_number_of_coupons"),
        ({"maximum_number_of_coupons": 10**30}, "maximum_number_of_coupons"),
        ({"maximum_number_of_coupons": "5"}, "maximum_number_of_coupons"),
        ({"maximum_number_of_coupons_per_user": -1}, "maximum_number_of_coupons_per_user"),
        ({"limit_strategy": "lucky"}, "limit_strategy"),
        ({"limit_strategy": "pool", "maximum_number_of_coupons": 10_000_001}, "maximum_number_of_coupons"),
        ({"offer": {}}, "offer.benefits"),
        ({"offer": []}, "offer"),
        ({"codes": {}}, "codes.shared"),
        ({"codes": {"shared": "!"}}, "codes.shared"),
        ({"codes": {"shared": "A-B", "generate": {"count": 1}}}, "codes.shared"),
        ({"codes": {"generate": {"count": 0}}}, "codes.generate.count"),
    ],
)
def test_invalid_values_are_reported_by_their_fields(changes: dict[str, Any], field: str, server: Client) -> None:
    problem = post(server, COUPONS, COUPON | changes, status=400)

    assert problem["code"] == "invalid"
    assert field in {error["field"] for error in problem.get("errors", [{"field": ""}])}
    assert not CouponDefinition.objects.exists()


def test_an_existing_code_is_rejected_and_no_coupon_is_created(server: Client) -> None:
    CouponFactory(text="SUMMER", brand=Brand.objects.get(slug="billo"))

    problem = post(server, COUPONS, COUPON | {"codes": {"shared": " sum-mer "}}, status=409)

    assert problem["code"] == "code_taken"
    assert CouponDefinition.objects.count() == 1


def test_a_few_codes_are_generated_at_once_and_many_in_the_background(
    server: Client, run_outbox: Callable[[], int]
) -> None:
    few = post(server, COUPONS, COUPON | {"codes": {"generate": {"count": 20, "pattern": "SUMMER-########"}}})
    many = post(server, COUPONS, COUPON | {"codes": {"generate": {"count": 1_500}}}, status=202)
    before = server.get(many["job"]).json()
    run_outbox()
    after = server.get(many["job"]).json()
    lines = b"".join(server.get(f"{few['job']}codes.csv")).decode().splitlines()

    assert few["codes"][0]["status"] == "completed"
    assert (before["status"], before["generated_count"]) == ("running", 0)
    assert (after["status"], after["generated_count"]) == ("completed", 1_500)
    assert lines[0] == "code,customer_id,expires_at,status"
    assert len(lines) == 21
    assert all(line.startswith("SUMMER-") and line.endswith(",,available") for line in lines[1:])


def test_a_pattern_that_is_easy_to_guess_is_rejected(server: Client) -> None:
    data = COUPON | {"codes": {"generate": {"count": 20, "pattern": "A-##"}}}

    assert post(server, COUPONS, data, status=400)["code"] == "pattern_too_weak"
    assert not CouponDefinition.objects.exists()


def test_more_codes_can_be_generated_later(server: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)

    post(server, url_of(coupon, "batches"), {"count": 5})

    assert [batch["generated_count"] for batch in server.get(url_of(coupon, "batches")).json()["results"]] == [5]


def test_a_viewer_creates_and_changes_nothing(brand: Brand, shopper_client: Callable[[User], Client]) -> None:
    viewer, coupon = shopper_client(MembershipFactory(brand=brand, role=Role.VIEWER).user), CouponFactory(brand=brand)

    post(viewer, COUPONS, COUPON, status=403)
    assert viewer.patch(f"{COUPONS}{coupon.pk}/", {}, content_type="application/json").status_code == 403
    assert viewer.get(f"{COUPONS}{coupon.pk}/").status_code == 200


def test_a_brand_changes_and_pauses_its_coupon(server: Client, brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=5)
    path = f"{COUPONS}{coupon.pk}/"

    changed = server.patch(path, {"maximum_number_of_coupons": 7}, content_type="application/json")
    rejected = server.patch(path, {"limit_strategy": "pool"}, content_type="application/json")
    deleted = server.delete(path)

    assert (changed.status_code, changed.json()["remaining"]) == (200, 7)
    assert (rejected.status_code, rejected.json()["errors"][0]["code"]) == (400, "immutable")
    assert deleted.status_code == 204
    assert shopper.get(path).status_code == 404
    assert post(shopper, url_of(coupon, "redemptions"), status=409)["code"] == "code_inactive"


# --- shoppers read ----------------------------------------------------------------------------------------------------
def test_shoppers_see_active_coupons_with_exhausted_ones_last(shopper: Client, user: User) -> None:
    now = timezone.now()
    exhausted = CouponFactory(maximum_number_of_coupons=1, end_date=now + timedelta(days=1))
    post(shopper, url_of(exhausted, "redemptions"))
    later, soon = (CouponFactory(end_date=now + timedelta(days=days)) for days in (9, 2))
    CouponFactory(start_date=now + timedelta(days=1))
    CouponFactory(end_date=now - timedelta(seconds=1))
    CouponFactory(decision="paused")
    CouponFactory(brand__is_active=False)

    results = shopper.get(COUPONS).json()["results"]

    assert [row["id"] for row in results] == [str(coupon.pk) for coupon in (soon, later, exhausted)]
    assert [row["remaining"] for row in results] == [None, None, 0]
    assert not any("code" in row or "codes" in row for row in results)


@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
def test_the_list_recognizes_exhausted_coupons_of_each_strategy(
    strategy: str, shopper: Client, user: User, settings: Any
) -> None:
    CouponFactory()
    coupon = CouponFactory(limit_strategy=strategy, maximum_number_of_coupons=1)
    total_of(coupon).update(taken=1 if strategy != "pool" else 0, cap=1 if strategy != "pool" else 0)
    if strategy == "pool":
        post(shopper, url_of(coupon, "redemptions"), status=201)
        total_of(coupon).update(taken=1, cap=1)

    assert [row["id"] for row in shopper.get(COUPONS).json()["results"]][-1] == str(coupon.pk)


def test_the_list_is_paginated_and_cached_for_five_seconds(shopper: Client) -> None:
    ids = {str(CouponFactory().pk) for _ in range(5)}
    first = shopper.get(f"{COUPONS}?limit=2").json()
    listed, page = [row["id"] for row in first["results"]], first
    while page["next"]:
        page = shopper.get(page["next"]).json()
        listed += [row["id"] for row in page["results"]]
    CouponFactory()
    (key,) = list(redis.client().keys(r"*\?limit=2}"))

    assert sorted(listed) == sorted(ids)
    assert shopper.get(f"{COUPONS}?limit=2").json() == first
    assert 0 < redis.client().pttl(key) <= 5_000


def test_an_invalid_cursor_or_page_size_is_rejected(shopper: Client) -> None:
    assert shopper.get(f"{COUPONS}?cursor=nonsense").status_code == 400
    assert shopper.get(f"{COUPONS}?limit=201").status_code == 400


def test_staff_see_only_the_coupons_of_their_own_brands(server: Client, brand: Brand) -> None:
    own, planned = CouponFactory(brand=brand), CouponFactory(brand=brand, start_date=timezone.now() + timedelta(days=1))
    CouponFactory()

    assert [row["id"] for row in server.get(COUPONS).json()["results"]] == [str(own.pk)]
    results = server.get(f"{COUPONS}?status=all").json()["results"]
    assert {row["id"] for row in results} == {str(own.pk), str(planned.pk)}


def test_eligibility_redeems_nothing_and_lists_every_reason(shopper: Client, user: User) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=1, maximum_number_of_coupons_per_user=1)
    before = shopper.get(url_of(coupon, "eligibility")).json()
    post(shopper, url_of(coupon, "redemptions"))
    after = shopper.get(url_of(coupon, "eligibility")).json()

    assert before == {"eligible": True, "reasons": [], "remaining": 1, "remaining_for_customer": 1}
    assert after == {
        "eligible": False, "reasons": ["usage_limit_per_customer", "usage_limit_reached"], "remaining": 0,
        "remaining_for_customer": 0,
    }  # fmt: skip
    assert CouponRedemption.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"start_date": "2098-01-01T00:00Z", "end_date": "2099-01-01T00:00Z"}, "coupon_not_started"),
        ({"end_date": "2026-02-01T00:00Z"}, "coupon_ended"),
        ({"decision": "paused"}, "code_inactive"),
    ],
)
def test_an_inactive_coupon_cannot_be_redeemed(fields: dict[str, Any], code: str, shopper: Client) -> None:
    coupon = CouponFactory(**fields)

    assert shopper.get(url_of(coupon, "eligibility")).json()["reasons"] == [code]
    assert post(shopper, url_of(coupon, "redemptions"), status=409)["code"] == code
    assert not CouponRedemption.objects.exists()


def test_unknown_ids_are_not_found(shopper: Client) -> None:
    for name in ("redemptions", "reservations"):
        assert post(shopper, f"{COUPONS}{UNKNOWN_ID}/{name}/", status=404)["code"] == "not_found"
    for name in ("confirm", "release", "refund"):
        assert post(shopper, f"{COUPONS}redemptions/{UNKNOWN_ID}/{name}/", status=404)["code"] == "not_found"
    assert shopper.get(f"{COUPONS}{UNKNOWN_ID}/eligibility/").status_code == 404


# --- shoppers redeem --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
def test_a_shopper_redeems_up_to_the_limit_per_customer(
    strategy: str, shopper: Client, user: User, shopper_client: Callable[[User], Client]
) -> None:
    coupon = CouponFactory(limit_strategy=strategy, maximum_number_of_coupons=5, maximum_number_of_coupons_per_user=2)

    first = post(shopper, url_of(coupon, "redemptions"))
    post(shopper, url_of(coupon, "redemptions"))
    third = post(shopper, url_of(coupon, "redemptions"), status=409)

    assert first["coupon_definition_id"] == str(coupon.pk)
    assert first["user_id"] == str(user.uuid)
    assert (first["status"], first["redemption_date"] is not None) == ("confirmed", True)
    assert third["code"] == "usage_limit_per_customer"
    assert Limit.objects.get(scope="customer").taken == CouponRedemption.objects.count() == 2


def test_an_exhausted_coupon_names_the_limit(shopper: Client) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=1)
    post(shopper, url_of(coupon, "redemptions"))

    problem = post(shopper, url_of(coupon, "redemptions"), status=409)

    assert (problem["code"], problem["limit"]) == ("usage_limit_reached", "total")


def test_confirming_a_reservation_twice_has_no_further_effect(shopper: Client) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=1)
    reserved = post(shopper, url_of(coupon, "reservations"), {"ttl_seconds": 60})
    path = f"{COUPONS}redemptions/{reserved['coupon_redemption_id']}"

    first, again = (post(shopper, f"{path}/confirm/", status=200) for _ in range(2))

    assert (reserved["status"], reserved["redemption_date"]) == ("reserved", None)
    assert reserved["expires_at"] > timezone.now().isoformat()
    assert first == again
    assert first["status"] == "confirmed"
    assert "expires_at" not in first
    assert post(shopper, f"{path}/release/", status=409)["code"] == "invalid_status"


def test_releasing_a_reservation_frees_its_unit_once(shopper: Client) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=1, maximum_number_of_coupons_per_user=1)
    reserved = post(shopper, url_of(coupon, "reservations"))
    path = f"{COUPONS}redemptions/{reserved['coupon_redemption_id']}"

    first, again = (post(shopper, f"{path}/release/", status=200) for _ in range(2))

    assert first == again
    assert first["status"] == "released"
    assert post(shopper, f"{path}/confirm/", status=409)["code"] == "invalid_status"
    post(shopper, url_of(coupon, "redemptions"))


def test_an_expired_reservation_cannot_be_confirmed_and_frees_its_unit(shopper: Client) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=1)
    reserved = post(shopper, url_of(coupon, "reservations"), {"ttl_seconds": 1})
    path = f"{COUPONS}redemptions/{reserved['coupon_redemption_id']}/confirm/"
    CouponRedemption.objects.update(reserved_until=timezone.now())

    assert post(shopper, path, status=409)["code"] == "reservation_expired"
    assert shopper.get(url_of(coupon, "eligibility")).json()["remaining"] == 1
    expire_due(at=timezone.now())
    assert CouponRedemption.objects.get().status == "expired"
    assert post(shopper, path, status=409)["code"] == "reservation_expired"
    assert total_of(coupon).get().taken == 0


@pytest.mark.parametrize("ttl", [0, 3601, "60", True, 10**30])
def test_a_reservation_lasts_at_most_an_hour(ttl: object, shopper: Client) -> None:
    assert post(shopper, url_of(CouponFactory(), "reservations"), {"ttl_seconds": ttl}, status=400)["code"] == "invalid"


def test_a_brand_can_return_a_redemption_and_a_shopper_cannot(server: Client, brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=1)
    path = f"{COUPONS}redemptions/{post(shopper, url_of(coupon, 'redemptions'))['coupon_redemption_id']}/refund/"

    post(shopper, path, status=403)
    first, again = (post(server, path, status=200) for _ in range(2))

    assert first == again
    assert first["status"] == "returned"
    post(shopper, url_of(coupon, "redemptions"))


def test_a_reservation_cannot_be_returned(server: Client, brand: Brand, shopper: Client) -> None:
    reserved = post(shopper, url_of(CouponFactory(brand=brand), "reservations"))

    problem = post(server, f"{COUPONS}redemptions/{reserved['coupon_redemption_id']}/refund/", status=409)

    assert problem["code"] == "invalid_status"


def test_a_brand_key_redeems_only_its_own_coupons_for_a_customer(server: Client, brand: Brand) -> None:
    coupon, other = CouponFactory(brand=brand), CouponFactory()

    redemption = post(server, url_of(coupon, "redemptions"), {"customer_id": "c-1"})

    assert (redemption["user_id"], redemption["customer_id"]) == (None, "c-1")
    assert post(server, url_of(coupon, "redemptions"), status=400)["errors"][0]["field"] == "customer_id"
    assert post(server, url_of(other, "redemptions"), {"customer_id": "c-1"}, status=404)["code"] == "not_found"


def test_a_shopper_cannot_redeem_for_another_customer(shopper: Client) -> None:
    coupon, other = CouponFactory(), CustomerFactory()

    assert post(shopper, url_of(coupon, "redemptions"), {"customer_id": other.customer_id}, status=403)


# --- codes ------------------------------------------------------------------------------------------------------------
def test_a_code_must_belong_to_the_coupon(shopper: Client) -> None:
    coupon = CouponFactory(text="SUMMER")
    CouponFactory(text="WINTER")

    for code in ("WINTER", "NOTHING", "", " ", "!", "\u00df" * 200):
        response = shopper.post(url_of(coupon, "redemptions"), {"code": code}, content_type="application/json")
        assert response.status_code in {400, 404}, code
    assert not CouponRedemption.objects.exists()
    post(shopper, url_of(coupon, "redemptions"), {"code": " summer"})


def test_guessing_codes_is_throttled(shopper: Client, settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"cart_code_miss": "2/minute"}
    coupon = CouponFactory(text="SUMMER")

    for status in (404, 404, 429):
        post(shopper, url_of(coupon, "redemptions"), {"code": "WINTER"}, status=status)
    assert post(shopper, url_of(coupon, "redemptions"), {"code": "SUMMER"}, status=429)["code"] == "throttled"


def test_single_use_codes_are_required_and_can_be_used_once(server: Client, brand: Brand, shopper: Client) -> None:
    coupon = CouponFactory(brand=brand)
    batch = post(server, url_of(coupon, "batches"), {"count": 2})
    lines = b"".join(server.get(f"{batch['job']}codes.csv")).decode().splitlines()
    one, two = (line.partition(",")[0] for line in lines[1:])

    assert post(shopper, url_of(coupon, "redemptions"), status=400)["errors"][0]["field"] == "code"
    redemption = post(shopper, url_of(coupon, "redemptions"), {"code": one})
    assert post(shopper, url_of(coupon, "redemptions"), {"code": one}, status=409)["code"] == "code_already_used"
    post(shopper, url_of(coupon, "redemptions"), {"code": two})

    post(server, f"{COUPONS}redemptions/{redemption['coupon_redemption_id']}/refund/", status=200)
    post(shopper, url_of(coupon, "redemptions"), {"code": one})


# --- idempotency ------------------------------------------------------------------------------------------------------
def test_a_repeated_idempotency_key_redeems_once_and_repeats_the_answer(shopper: Client) -> None:
    coupon = CouponFactory(maximum_number_of_coupons=5)

    first, again = (
        shopper.post(
            url_of(coupon, "redemptions"), {}, content_type="application/json", headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    )

    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    assert CouponRedemption.objects.count() == total_of(coupon).get().taken == 1
    post(shopper, url_of(coupon, "redemptions"), {"code": "A-B"}, status=422, **{"Idempotency-Key": "k"})
