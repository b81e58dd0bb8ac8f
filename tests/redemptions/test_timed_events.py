"""Events of offers that start or end by their dates, and of budgets that are used up."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from promotions.models import Promotion
from promotions.services import update_promotion
from redemptions import decisions
from redemptions.events.models import Event
from redemptions.lifecycle import Action, OfferLifecycle, offer_models
from redemptions.limits.models import Limit
from redemptions.uses.services import report_budgets
from tests.factories import BrandFactory, PromotionFactory
from tests.redemptions.events import iter_types
from tests.redemptions.offers import FACTORIES, PATHS, Offers

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
kinds = pytest.mark.parametrize("kind", sorted(FACTORIES))


def create_scheduled(kind: str, at: datetime, **fields: Any) -> OfferLifecycle:
    """Create an offer that starts in an hour, ends in two hours and was reported as scheduled."""
    offer: OfferLifecycle = FACTORIES[kind](start_date=at + HOUR, end_date=at + 2 * HOUR, **fields)
    type(offer)._default_manager.filter(pk=offer.pk).update(reported_status="scheduled")
    Event.objects.all().delete()
    offer.refresh_from_db()
    return offer


def list_events() -> list[tuple[str, str, Any]]:
    """Return type, kind and ``effective_at`` of all events, in order."""
    rows = Event.objects.order_by("id").values_list("type", "kind", "data")
    return [(type_, kind, datetime.fromisoformat(data["effective_at"])) for type_, kind, data in rows]


def test_every_kind_reports_its_offers() -> None:
    assert [model.offer_kind for model in offer_models() if model.offer_kind != "loyalty_reward"] == sorted(FACTORIES)


@kinds
def test_a_start_and_an_end_have_one_event_each(kind: str, at: datetime) -> None:
    offer = create_scheduled(kind, at)

    counts = [decisions.report_due(at=at + step * HOUR) for step in (0, 1, 1, 2, 2, 3)]

    assert counts == [0, 1, 0, 1, 0, 0]
    assert list_events() == [
        ("offer.activated", kind, at + HOUR),
        ("offer.ended", kind, at + 2 * HOUR),
    ]
    assert set(Event.objects.values_list("offer_id", flat=True)) == {offer.offer_key}


@kinds
def test_what_was_missed_is_reported_in_order(kind: str, at: datetime) -> None:
    create_scheduled(kind, at)

    assert decisions.report_due(at=at + 5 * HOUR) == 1

    assert list(iter_types()) == ["offer.activated", "offer.ended"]
    assert set(Event.objects.values_list("created_at", flat=True)) == {at + 5 * HOUR}


@kinds
@pytest.mark.parametrize("decision", ["draft", "ended", "archived"])
def test_a_date_changes_nothing_of_what_is_a_draft_or_over(kind: str, decision: str, at: datetime) -> None:
    offer = create_scheduled(kind, at)
    type(offer)._default_manager.filter(pk=offer.pk).update(decision=decision, reported_status=decision)

    assert decisions.report_due(at=at + 5 * HOUR) == 0
    assert list_events() == []


@kinds
def test_a_paused_offer_does_not_start_but_ends(kind: str, at: datetime) -> None:
    offer = create_scheduled(kind, at)
    decisions.apply_action(offer, action=Action.PAUSE, at=at)

    assert [decisions.report_due(at=at + step * HOUR) for step in (1, 2)] == [0, 1]

    assert list(iter_types()) == ["offer.paused", "offer.ended"]


@kinds
def test_an_action_first_reports_the_dates_that_have_passed(kind: str, at: datetime) -> None:
    offer = create_scheduled(kind, at)

    decisions.apply_action(offer, action=Action.PAUSE, at=at + HOUR)
    offer.refresh_from_db()
    decisions.apply_action(offer, action=Action.ARCHIVE, at=at + 3 * HOUR)
    decisions.report_due(at=at + 4 * HOUR)

    assert list(iter_types()) == ["offer.activated", "offer.paused", "offer.ended", "offer.archived"]


@kinds
@pytest.mark.parametrize(
    ("start", "expected"), [("2020-01-01", "offer.activated"), ("2098-01-01", "offer.scheduled"), ("draft", None)]
)
def test_a_new_offer_reports_its_status(kind: str, start: str, expected: str | None, brand_client: Any) -> None:
    brand = BrandFactory(slug="billo")
    offers = Offers(brand_client(brand), brand, kind)
    bodies: dict[str, dict[str, Any]] = {
        "coupon": {"title": "Spring", "offer": {"benefits": [{"kind": "percent", "value": "10"}]}},
        "discount_code": {"id": "SPRING", "rule": {"discount": 10}},
        "promotion": {
            "name": "Spring", "trigger": "automatic", "offer": {"benefits": [{"kind": "percent", "value": "10"}]},
        },
        "voucher": {"name": "Spring", "slug": "spring"},
    }  # fmt: skip
    body = bodies[kind] | {"start_date": "2020-01-01" if start == "draft" else start, offers.end_name: "2099-01-01"}
    body |= {"status": "draft"} if start == "draft" else {}

    response = offers.client.post(PATHS[kind], body, content_type="application/json")

    assert response.status_code == 201, response.content
    assert list(iter_types()) == ["offer.created", *([expected] if expected else [])]


@kinds
def test_another_end_reports_that_an_ended_offer_is_active_again(kind: str, brand_client: Any) -> None:
    brand = BrandFactory(slug="billo")
    offers = Offers(brand_client(brand), brand, kind)
    url = offers.create()
    offers.post(url, "end")
    Event.objects.all().delete()

    assert offers.move_end(url, "2098-01-01T00:00:00Z") == (200, "active")
    assert list(iter_types()) == ["offer.activated"]


# --- budgets ----------------------------------------------------------------------------------------------------------
def use(promotion: Promotion, amount: int, *, currency: str = "EUR") -> None:
    key = {"owner": promotion.pk, "scope": f"budget:{currency}", "slot": "", "shard": 0}
    Limit.objects.filter(**key).delete()
    Limit.objects.create(**key, taken=amount, cap=100_000)


def list_thresholds() -> list[tuple[int, int, int, str]]:
    events = Event.objects.filter(type="offer.budget_threshold").order_by("id").values_list("data", "currency")
    return [(data["percent"], data["used"], data["budget"], currency) for data, currency in events]


def test_each_threshold_of_a_budget_has_one_event(at: datetime) -> None:
    promotion = PromotionFactory(budget=1_000)

    for amount in (0, 499, 500, 700, 799, 1_000, 1_000):
        use(promotion, amount)
        report_budgets(at=at)

    assert list_thresholds() == [(50, 500, 1_000, "EUR"), (80, 1_000, 1_000, "EUR"), (100, 1_000, 1_000, "EUR")]


def test_each_currency_has_thresholds_of_its_own(at: datetime) -> None:
    promotion = PromotionFactory(budget=1_000, other_budgets={"GBP": 200})
    use(promotion, 100)
    use(promotion, 160, currency="GBP")

    assert report_budgets(at=at) == 2
    assert list_thresholds() == [(50, 160, 200, "GBP"), (80, 160, 200, "GBP")]


def test_a_raised_budget_reaches_its_thresholds_again(at: datetime) -> None:
    promotion = PromotionFactory(budget=1_000)
    use(promotion, 600)
    report_budgets(at=at)

    update_promotion(promotion=promotion, fields={"budget": 2_000}, at=at)
    for amount in (600, 1_100):
        use(promotion, amount)
        report_budgets(at=at)

    assert list_thresholds() == [(50, 600, 1_000, "EUR"), (50, 1_100, 2_000, "EUR")]


def test_budgets_of_others_and_of_what_is_over_are_not_read(at: datetime) -> None:
    for fields in ({"start_date": at + HOUR}, {"end_date": at - 2 * timedelta(days=1)}):
        use(PromotionFactory(budget=1_000, **fields), 1_000)
    use(PromotionFactory(budget=None), 1_000)

    assert report_budgets(at=at) == 0
