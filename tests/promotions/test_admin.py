"""Admin pages of promotions: create, update, duplicate and end, with the permissions of each role."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from promotions.models import Promotion
from redemptions.codes.models import Code
from redemptions.limits.models import Limit
from segments.models import Audience, AudienceMember
from tests.factories import BrandFactory, CodeFactory, CustomerFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/promotions/promotion/"
ADD = f"{LIST}add/"
OFFER = f"{LIST}offer/?brand=billo"
FORM = {
    "name": "Autumn", "description": "", "start_date": "2030-01-01T00:00", "end_date": "2030-02-01T00:00",
    "trigger": "automatic", "target_audience": "", "priority": "3", "budget": "", "code": "",
    "offer-benefits-0-kind": "percent", "offer-benefits-0-value": "10",
    "offer-priority": "0",
}  # fmt: skip


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")


@pytest.fixture
def owner(brand: Brand) -> Client:
    return as_staff(brand)


@pytest.fixture
def stranger() -> Client:
    return as_staff(BrandFactory(slug="cake"))


def as_staff(brand: Brand, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


def page_of(promotion: Promotion) -> str:
    return f"{LIST}{promotion.pk}/change/"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def audience(brand: Brand, name: str = "vip", size: int = 1) -> None:
    created = Audience.objects.create(brand=brand, segment_type=name, size=size)
    for _ in range(size):
        AudienceMember.objects.create(audience=created, customer=CustomerFactory())


# --- read -------------------------------------------------------------------------------------------------------------
def test_a_promotion_is_described_in_a_sentence(brand: Brand) -> None:
    offer = {
        "conditions": [{"kind": "min_subtotal", "value": "50.00"}, {"kind": "weekdays", "any": ["mon", "tue"]}],
        "benefits": [{"kind": "percent", "value": "10", "on": "order"}],
    }
    promotion = PromotionFactory(brand=brand, offer=offer, budget=100_000, limit_per_user=2)
    summary = "10% off the order when the order is at least €50.00 and the day is Monday or Tuesday."

    for role in (Role.OWNER, Role.VIEWER):
        client = as_staff(brand, role)
        page = text(client.get(page_of(promotion)))
        assert summary in page
        assert summary in text(client.get(LIST))
        assert "2 per customer" in page
        assert "€1,000.00" in page
        assert "{&#x27;" not in page


def test_the_usage_of_budget_and_limits_is_shown(owner: Client, brand: Brand) -> None:
    promotion = PromotionFactory(brand=brand, budget=100_000, limit_total=500, limit_per_day=10)
    today = timezone.now().astimezone(brand_zone(brand)).date()
    limits = [
        ("budget:EUR", "", 0, 20_000, 50_000), ("budget:EUR", "", 1, 5_000, 50_000), ("total", "", 0, 12, 500),
        ("day", today.isoformat(), 0, 3, 10), ("day", (today - timedelta(days=1)).isoformat(), 0, 9, 10),
    ]  # fmt: skip
    for scope, slot, shard, taken, cap in limits:
        Limit.objects.create(owner=promotion.pk, scope=scope, slot=slot, shard=shard, taken=taken, cap=cap)

    cards = owner.get(page_of(promotion)).context["cards"]

    assert cards == [
        ("Budget used", "€250.00", "of €1,000.00 (25%)"),
        ("Redemptions", "12", "of 500, including reservations"),
        ("Redemptions today", "3", "of 10"),
    ]


def brand_zone(brand: Brand) -> ZoneInfo:
    return ZoneInfo(brand.timezone)


# --- create -----------------------------------------------------------------------------------------------------------
def test_a_promotion_is_created_in_the_brands_time_zone(owner: Client, brand: Brand) -> None:
    audience(brand)
    by_code = {"trigger": "code", "code": "autumn"}
    response = owner.post(ADD, FORM | by_code | {"target_audience": "vip", "budget": "1000,50", "limit_per_user": "2"})

    promotion = Promotion.objects.get()
    assert response["Location"] == page_of(promotion).replace("/change/", "/review/")
    assert (promotion.brand, promotion.decision, promotion.priority) == (brand, "draft", 3)
    assert promotion.start_date == datetime(2029, 12, 31, 23, tzinfo=UTC)
    assert (promotion.budget, promotion.limit_per_user, promotion.limit_total) == (100_050, 2, None)
    assert promotion.offer["benefits"] == [{"kind": "percent", "value": "10", "on": "order"}]
    assert promotion.match_keys == ["billo|*"]
    assert Code.objects.get().offer == promotion.pk


def test_a_draft_is_created_activated_and_ended(owner: Client) -> None:
    response = owner.post(ADD, FORM | {"draft": "1"})
    promotion = Promotion.objects.get()
    assert response["Location"] == page_of(promotion)
    assert promotion.decision == "draft"

    owner.post(f"{LIST}{promotion.pk}/review/")
    promotion.refresh_from_db()
    assert promotion.decision == "published"

    owner.post(f"{LIST}{promotion.pk}/status/end/")
    promotion.refresh_from_db()
    assert promotion.decision == "ended"

    owner.post(f"{LIST}{promotion.pk}/status/archive/")
    promotion.refresh_from_db()
    assert promotion.decision == "archived"
    page = text(owner.get(page_of(promotion))).split('id="content-main"')[1]
    assert re.findall(r"/status/(\w+)/", page) == ["duplicate"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x\x00"}, "name"),
        ({"start_date": "soon"}, "start_date"),
        ({"start_date": "0001-01-01T00:00"}, "start_date"),
        ({"start_date": "2030-03-31T02:30"}, "start_date"),  # skipped when daylight saving time starts
        ({"end_date": "2029-01-01T00:00"}, "end_date"),
        ({"start_date": "2020-01-01T00:00", "end_date": "2020-02-01T00:00"}, "end_date"),
        ({"budget": "10.005"}, "budget"),
        ({"budget": "0"}, "budget"),
        ({"budget": "-5"}, "budget"),
        ({"limit_total": "0"}, "limit_total"),
        ({"limit_total": "9" * 30}, "limit_total"),
        ({"priority": "40000"}, "priority"),
        ({"target_audience": "unknown"}, "target_audience"),
        ({"target_audience": "empty"}, "target_audience"),
        ({"code": "AUTUMN"}, "code"),
        ({"code": "no code!", "trigger": "code"}, "code"),
        ({"code": "TAKEN", "trigger": "code"}, "code"),
        ({"trigger": "magic"}, "trigger"),
        ({"offer-benefits-0-value": "0"}, "offer"),
        ({"offer-benefits-0-kind": "amount", "offer-benefits-0-value": "50.005"}, "offer"),
    ],
)
def test_invalid_values_are_rejected_at_their_fields(
    changes: dict[str, str], field: str, owner: Client, brand: Brand
) -> None:
    audience(brand, "empty", size=0)
    CodeFactory(text="TAKEN", brand=brand)

    form = owner.post(ADD, FORM | changes).context["form"]

    assert set(form.errors) == {field}
    assert not Promotion.objects.exists()


def test_a_button_of_the_offer_form_saves_nothing_and_keeps_the_values(owner: Client) -> None:
    page = text(owner.post(ADD, FORM | {"offer-do": "add conditions"}))

    assert 'name="offer-conditions-0-value"' in page
    assert 'value="10"' in page
    assert 'value="Autumn"' in page
    assert not Promotion.objects.exists()


def test_the_offer_form_is_updated_in_place(owner: Client, brand: Brand) -> None:
    form = owner.post(OFFER, {"offer-benefits-0-kind": "tiers", "offer-do": "update"})
    data = {"offer-benefits-0-kind": "percent", "offer-benefits-0-value": "5", "offer-do": "describe"}
    description = owner.post(OFFER, data)

    assert 'name="offer-benefits-0-tiers-0-from"' in text(form)
    assert "5% off the order." in text(description)
    assert "<input" not in text(description)
    assert not Promotion.objects.exists()


# --- update -----------------------------------------------------------------------------------------------------------
def untouched(client: Client, promotion: Promotion) -> dict[str, str]:
    """Return what a browser submits if nobody changes the form."""
    form = client.get(page_of(promotion)).context["form"]
    with timezone.override(promotion.brand.timezone):
        sent = {bound.html_name: bound.value() for bound in form if bound.name != "offer"}
    for name in {"start_date", "end_date"} & sent.keys():
        sent[name] = sent[name].strftime("%Y-%m-%dT%H:%M")
    return {name: "" if value is None else str(value) for name, value in sent.items()}


def test_every_field_can_change_before_the_start(owner: Client, brand: Brand) -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    end = datetime(2030, 2, 1, 12, 30, 59, 999, tzinfo=UTC)
    promotion = PromotionFactory(brand=brand, recorded_status="scheduled", start_date=start, end_date=end)
    sent = untouched(owner, promotion)
    offer = {"offer-benefits-0-kind": "amount", "offer-benefits-0-value": "5", "offer-benefits-0-on": "order"}

    answer = owner.post(page_of(promotion), sent | offer | {"name": "Better", "start_date": "2030-01-02T00:00"})

    assert answer.status_code == 302
    promotion.refresh_from_db()
    assert (promotion.name, promotion.start_date) == ("Better", datetime(2030, 1, 1, 23, tzinfo=UTC))
    assert promotion.end_date == end  # to the microsecond, though the page shows minutes
    assert promotion.offer["benefits"][0]["kind"] == "amount"


def test_after_the_start_only_texts_end_priority_and_limits_change(owner: Client, brand: Brand) -> None:
    promotion = PromotionFactory(brand=brand)
    before = promotion.offer
    sent = untouched(owner, promotion)
    assert not {"start_date", "target_audience", "trigger", "code"} & sent.keys()

    forged = {"offer-benefits-0-kind": "percent", "offer-benefits-0-value": "99", "start_date": "2030-01-01T00:00"}
    owner.post(page_of(promotion), sent | forged | {"name": "Still", "limit_total": "100", "budget": "50"})

    promotion.refresh_from_db()
    assert (promotion.name, promotion.limit_total, promotion.budget) == ("Still", 100, 5_000)
    assert promotion.offer == before
    assert promotion.start_date == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_used_limit_is_lowered_and_removed(owner: Client, brand: Brand) -> None:
    promotion = PromotionFactory(brand=brand, limit_total=500)
    Limit.objects.create(owner=promotion.pk, scope="total", taken=40, cap=500)

    for text, limit in [("39", 39), ("", None)]:
        owner.post(page_of(promotion), untouched(owner, promotion) | {"limit_total": text})
        promotion.refresh_from_db()
        assert promotion.limit_total == limit


def test_a_promotion_is_duplicated_as_a_draft(owner: Client, brand: Brand) -> None:
    original = PromotionFactory(brand=brand, name="Summer", percent="35", budget=5_000, limit_per_user=1)

    response = owner.post(f"{LIST}{original.pk}/status/duplicate/")

    duplicate = Promotion.objects.exclude(pk=original.pk).get()
    assert response["Location"] == page_of(duplicate)
    assert (duplicate.name, duplicate.decision, duplicate.budget) == ("Copy of Summer", "draft", 5_000)
    assert duplicate.offer == original.offer


# --- permissions ------------------------------------------------------------------------------------------------------
def test_only_editors_end_promotions(brand: Brand, stranger: Client) -> None:
    promotion = PromotionFactory(brand=brand)
    data = {"action": "end", "_selected_action": [str(promotion.pk)], "confirmed": "1"}
    viewer, url = as_staff(brand, Role.VIEWER), f"{LIST}{promotion.pk}/status/end/"

    viewer.post(LIST, data)
    stranger.post(LIST, data)
    assert viewer.post(url).status_code == 403
    assert stranger.post(url).status_code == 404
    assert as_staff(brand).get(url).status_code == 405
    assert as_staff(brand).post(url.replace("/end/", "/explode/")).status_code == 404
    promotion.refresh_from_db()
    assert promotion.decision == "published"

    as_staff(brand, Role.EDITOR).post(LIST, data)
    promotion.refresh_from_db()
    assert promotion.decision == "ended"


def test_staff_of_other_brands_cannot_edit_or_duplicate_a_promotion(brand: Brand, stranger: Client) -> None:
    promotion = PromotionFactory(brand=brand, name="Secret")
    audience(brand, "secret_segment")
    viewer = as_staff(brand, Role.VIEWER)

    assert stranger.get(page_of(promotion)).status_code == 404
    assert stranger.post(page_of(promotion), FORM).status_code == 404
    assert stranger.post(f"{LIST}{promotion.pk}/status/duplicate/").status_code == 404
    assert stranger.get(f"{ADD}?brand=billo").status_code == 404
    assert stranger.post(OFFER, {"offer-do": "add conditions"}).status_code == 404
    assert "secret" not in text(stranger.get(ADD)).lower()
    assert stranger.post(ADD, FORM | {"target_audience": "secret_segment"}).context["form"].errors
    assert viewer.get(ADD).status_code == 403
    assert viewer.post(f"{LIST}{promotion.pk}/status/duplicate/").status_code == 403
    assert viewer.post(page_of(promotion), FORM).status_code == 403
    assert viewer.post(OFFER, {}).status_code == 404
    assert "<form method" not in text(viewer.get(page_of(promotion))).split('id="content-main"')[1]
    assert Promotion.objects.get().name == "Secret"


def test_an_unknown_brand_of_the_add_page_is_not_found(owner: Client) -> None:
    assert owner.get(f"{ADD}?brand=x").status_code == 404


@pytest.mark.parametrize("query", ["", "?brand=%00", "?brand=billo&name=<b>", "?brand=nobody"])
def test_invalid_parameters_of_the_offer_form_are_not_found(query: str, owner: Client) -> None:
    assert owner.post(f"{LIST}offer/{query}", {}).status_code == 404
    assert owner.get(OFFER).status_code == 405


def test_staff_of_several_brands_select_the_brand(brand: Brand) -> None:
    user = UserFactory()
    for membership_brand in (brand, BrandFactory(slug="cake", name="Cake")):
        MembershipFactory(brand=membership_brand, user=user)
    client = Client()
    client.force_login(user)

    assert "?brand=cake" in text(client.get(ADD))
    assert client.post(f"{ADD}?brand=cake", FORM).status_code == 302
    assert Promotion.objects.get().brand.slug == "cake"


def test_an_action_that_fails_is_shown_as_a_message(brand: Brand) -> None:
    ended = PromotionFactory(brand=brand, decision="ended")

    data = {"action": "activate", "_selected_action": [str(ended.pk)], "confirmed": "1"}
    answer = as_staff(brand).post(LIST, data, follow=True)

    assert answer.status_code == 200
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]


def test_the_number_of_queries_does_not_grow_with_the_list(owner: Client, brand: Brand) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            text(owner.get(LIST))
        return len(captured)

    PromotionFactory(brand=brand)
    first = queries()
    PromotionFactory.create_batch(10, brand=brand)

    assert queries() == first
