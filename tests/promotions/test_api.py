"""API of promotions."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, User
from promotions.models import Promotion
from promotions.services import end_due, start_due
from redemptions.codes.models import Code
from segments.services import apply_audience
from tests.checkout.builders import error_fields
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
PATH = "/api/v1/promotions/"
OFFER = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def owner(billo: Brand) -> User:
    user: User = MembershipFactory(brand=billo).user
    return user


@pytest.mark.parametrize(
    ("offer", "field"),
    [
        ({"benefits": [{"kind": "amount", "value": "50.005"}]}, "offer.benefits.0.value"),
        ({"benefits": [{"kind": "percent", "value": "5", "max_discount": "1.001"}]}, "offer.benefits.0.max_discount"),
        (OFFER | {"conditions": [{"kind": "min_subtotal", "value": "9.999"}]}, "offer.conditions.0.value"),
        (
            {
                "benefits": [{"kind": "amount", "value": "1.2505"}],
                "conditions": [{"kind": "currency", "any": ["EUR", "KWD"]}],
            },
            "offer.benefits.0.value",
        ),
    ],
)
def test_an_amount_with_more_decimals_than_the_currency_is_rejected(
    shopper_client: ClientOf, owner: User, billo: Brand, offer: dict[str, Any], field: str
) -> None:
    promotion = PromotionFactory(brand=billo, decision="draft")
    created = shopper_client(owner).post(PATH, new(offer=offer), content_type="application/json")
    changed = shopper_client(owner).patch(f"{PATH}{promotion.pk}/", {"offer": offer}, content_type="application/json")

    for response in (created, changed):
        assert response.status_code == 400
        errors = [(error["field"], error["code"]) for error in response.json()["errors"]]
        assert errors == [(field, "max_decimal_places")]
    assert list(Promotion.objects.values_list("offer", flat=True)) == [promotion.offer]


def test_an_amount_has_the_decimals_of_its_own_currency(shopper_client: ClientOf, owner: User) -> None:
    own_currency = {"benefits": [{"kind": "amount", "value": "1.250", "currency": "KWD"}]}
    condition_currency = {
        "benefits": [{"kind": "amount", "value": "1.250"}],
        "conditions": [{"kind": "currency", "any": ["KWD"]}],
    }

    for offer in (own_currency, condition_currency):
        assert shopper_client(owner).post(PATH, new(offer=offer), content_type="application/json").status_code == 201


def new(**changes: object) -> dict[str, object]:
    return {
        "name": "Spring", "start_date": "2099-03-01", "end_date": "2099-04-01", "trigger": "automatic", "offer": OFFER,
    } | changes  # fmt: skip


def post(client: Client, body: object, path: str = PATH) -> Any:
    return client.post(path, body, content_type="application/json")


def patch(client: Client, promotion: Promotion, **body: object) -> Any:
    return client.patch(f"{PATH}{promotion.pk}/", body, content_type="application/json")


def test_dates_are_days_of_the_brands_time_zone(shopper_client: ClientOf, owner: User) -> None:
    response = post(shopper_client(owner), new(budget="1000.00", limits={"total": 5, "per_customer": 1}, priority=3))

    assert response.status_code == 201
    answer = response.json()
    assert uuid.UUID(answer.pop("id")).version == 7
    assert answer.pop("created_at").endswith("Z")
    assert answer.pop("updated_at").endswith("Z")
    assert answer == {
        "external_id": None, "metadata": {},
        "brand": "billo", "name": "Spring", "description": "", "trigger": "automatic", "code": None, "offer": OFFER,
        "start_date": "2099-02-28T23:00:00Z", "end_date": "2099-04-01T22:00:00Z",  # Madrid: winter, then summer time
        "target_audience": None, "budget": "1000.00", "budget_left": "1000.00",
        "limit_strategy": "sharded", "max_overshoot": 0,
        "max_per_order": None, "max_per_customer": None, "currency": "EUR", "priority": 3,
        "status": "scheduled",
        "warnings": [],
        "limits": {"total": 5, "per_customer": 1, "per_day": None, "per_week": None, "per_month": None, "units": None},
        "results": {"reserved": 0, "confirmed": 0, "returned": 0, "orders": 0, "amounts": {}},
        "segment": None, "audience": None,
    }  # fmt: skip


def test_a_draft_is_activated(shopper_client: ClientOf, owner: User) -> None:
    client = shopper_client(owner)
    made = post(client, new(status="draft")).json()

    first, second = (post(client, {}, f"{PATH}{made['id']}/activate/").json()["status"] for _ in range(2))

    assert (made["status"], first, second) == ("draft", "scheduled", "scheduled")


def test_a_promotion_registers_its_code(shopper_client: ClientOf, owner: User) -> None:
    client = shopper_client(owner)

    made = post(client, new(trigger="code", code=" spring ")).json()
    again = post(client, new(trigger="code", code="Spring"))

    assert made["code"] == "SPRING"
    assert (again.status_code, again.json()["code"]) == (409, "code_taken")
    assert Promotion.objects.count() == Code.objects.count() == 1


def test_a_target_audience_must_not_be_empty_and_its_size_is_current(
    shopper_client: ClientOf, owner: User, billo: Brand
) -> None:
    client = shopper_client(owner)

    empty = post(client, new(target_audience="friends"))
    assert (empty.status_code, empty.json()["code"]) == (409, "audience_empty")
    assert not Promotion.objects.exists()

    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=["c1", "c2"])
    made = post(client, new(target_audience="friends")).json()
    apply_audience(brand=billo, segment_type="friends", operation="add", customer_ids=["c3"])
    read = client.get(f"{PATH}{made['id']}/").json()
    assert (made["audience"]["count"], read["audience"]["count"]) == (2, 3)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"end_date": "2099-02-28"}, "end_date"),
        ({"start_date": "2020-01-01", "end_date": "2020-02-01"}, "end_date"),
        ({"start_date": "2099-03-01T00:00:00"}, "start_date"),
        ({"start_date": "2099-02-30"}, "start_date"),
        ({"trigger": "magic"}, "trigger"),
        ({"code": "SPRING"}, "code"),
        ({"trigger": "code", "code": "!!"}, "code"),
        ({"offer": []}, "offer"),
        ({"offer": {"benefits": []}}, "offer.benefits"),
        ({"offer": {"benefits": [{"kind": "percent", "value": "101", "on": "order"}]}}, "offer.benefits.0.value"),
        ({"offer": OFFER | {"surprise": 1}}, "offer.surprise"),
        ({"budget": "10.005"}, "budget"),
        ({"budget": "-1.00"}, "budget"),
        ({"budget": "0.00"}, "budget"),
        ({"limits": {"total": 0}}, "limits.total"),
        ({"limits": {"total": "5"}}, "limits.total"),
        ({"priority": 40_000}, "priority"),
        ({"status": "active"}, "status"),
        ({"offer": OFFER | {"priority": 40_000}}, "offer.priority"),
    ],
)
def test_an_invalid_promotion_is_rejected_with_its_fields(
    changes: dict[str, object], field: str, shopper_client: ClientOf, owner: User
) -> None:
    response = post(shopper_client(owner), new(**changes))

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Promotion.objects.exists()
    assert not Code.objects.exists()


def test_offer_and_start_can_only_change_before_the_start(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    client = shopper_client(owner)
    waiting = PromotionFactory(brand=billo, start_date=timezone.now() + timedelta(days=1), recorded_status="scheduled")
    running = PromotionFactory(brand=billo)
    new_offer = {"benefits": [{"kind": "percent", "value": "20", "on": "order"}]}

    assert patch(client, waiting, offer=new_offer, start_date="2030-01-01").json()["offer"] == new_offer
    assert patch(client, running, name="New", priority=9, limits={"total": 3}, budget="5.00").status_code == 200
    rejected = patch(client, running, offer=new_offer)

    assert [error["field"] for error in rejected.json()["errors"]] == ["offer"]
    assert [error["code"] for error in rejected.json()["errors"]] == ["immutable"]
    running.refresh_from_db()
    assert (running.name, running.limit_total, running.budget, running.offer) == ("New", 3, 500, OFFER)


def test_limits_are_removed_by_null(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    client, promotion = shopper_client(owner), PromotionFactory(brand=billo, limit_total=1, limit_per_user=1, budget=5)

    assert patch(client, promotion, limits={"total": None}, budget=None).status_code == 200
    promotion.refresh_from_db()
    assert (promotion.limit_total, promotion.limit_per_user, promotion.budget) == (None, 1, None)
    assert set(patch(client, promotion, limits=None).json()["limits"].values()) == {None}
    promotion.refresh_from_db()
    assert promotion.limit_per_user is None


def test_a_deleted_draft_is_gone_with_its_code(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    client = shopper_client(owner)
    draft = post(client, new(trigger="code", code="SUMMER", status="draft")).json()
    running = PromotionFactory(brand=billo)

    assert client.delete(f"{PATH}{draft['id']}/").status_code == 204
    assert client.delete(f"{PATH}{running.pk}/").status_code == 204

    assert client.get(f"{PATH}{draft['id']}/").status_code == client.delete(f"{PATH}{draft['id']}/").status_code == 404
    assert client.get("/api/v1/codes/SUMMER/").status_code == 404
    assert post(client, new(trigger="code", code="SUMMER")).status_code == 201
    assert client.get(f"{PATH}{running.pk}/").json()["status"] == "archived"


def test_the_list_is_restricted_by_trigger_and_code(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    client = shopper_client(owner)
    coded = PromotionFactory(brand=billo, trigger="code", text="SUM-MER")
    automatic = PromotionFactory(brand=billo)

    def listed(**query: str) -> set[str]:
        response = client.get(PATH, query)
        assert response.status_code == 200, response.content
        return {row["id"] for row in response.json()["results"]}

    assert listed(trigger="automatic") == {str(automatic.pk)}
    assert listed(trigger="code") == listed(code="summer") == {str(coded.pk)}
    assert listed(code="OTHER") == set()
    for query in ({"status": "new"}, {"created_after": "yesterday"}, {"created_at": "2027-01-01"}, {"format": "xyz"}):
        refused = client.get(PATH, query)
        assert (refused.status_code, error_fields(refused)) == (400, list(query))


def test_an_ended_promotion_stays_ended(shopper_client: ClientOf, owner: User, billo: Brand) -> None:
    client, promotion = shopper_client(owner), PromotionFactory(brand=billo)

    assert [post(client, {}, f"{PATH}{promotion.pk}/end/").json()["status"] for _ in range(2)] == ["ended"] * 2
    again = post(client, {}, f"{PATH}{promotion.pk}/activate/")

    assert (again.status_code, again.json()["code"], again.json()["current_status"]) == (
        409,
        "invalid_status",
        "ended",
    )
    assert patch(client, promotion, name="New").status_code == 409


def test_promotions_start_and_end_at_their_dates(billo: Brand) -> None:
    now = timezone.now()
    waiting = PromotionFactory(brand=billo, start_date=now, recorded_status="scheduled")
    ending = PromotionFactory(brand=billo, start_date=now - timedelta(days=2), end_date=now)

    assert (start_due(at=now), end_due(at=now), start_due(at=now), end_due(at=now)) == (1, 1, 0, 0)

    waiting.refresh_from_db()
    ending.refresh_from_db()
    assert (waiting.recorded_status, ending.recorded_status) == ("active", "ended")


def test_only_staff_of_the_brand_read_and_end_a_promotion(
    shopper_client: ClientOf, brand_client: ClientOf, billo: Brand
) -> None:
    promotion = PromotionFactory(brand=billo)
    strangers = [shopper_client(MembershipFactory().user), brand_client(BrandFactory())]
    viewer = shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user)

    for client in strangers:
        assert client.get(PATH).json()["results"] == []
        for path in (f"{PATH}{promotion.pk}/", f"{PATH}{uuid.uuid4()}/"):
            assert client.get(path).status_code == client.delete(path).status_code == 404
        assert post(client, {}, f"{PATH}{promotion.pk}/end/").status_code == 404
        assert patch(client, promotion, name="Theirs").status_code == 404
    assert viewer.get(f"{PATH}{promotion.pk}/").status_code == 200
    assert patch(viewer, promotion, name="Viewed").status_code == 403
    assert shopper_client(ShopperFactory()).get(PATH).status_code == 403
    assert Client().get(PATH).status_code == 401

    promotion.refresh_from_db()
    assert (promotion.decision, promotion.name) == ("published", "10% off")


def test_the_priority_of_the_offer_is_the_default(shopper_client: ClientOf, owner: User) -> None:
    client, offer = shopper_client(owner), OFFER | {"priority": 7}

    assert post(client, new(offer=offer)).json()["priority"] == 7
    assert post(client, new(offer=offer, priority=3)).json()["priority"] == 3
