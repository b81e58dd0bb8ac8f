"""Budgets of promotions in several currencies: what is given in one never counts in another."""

import importlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from checkout import services
from promotions.admin.promotion_form import PromotionForm
from promotions.models import Promotion
from promotions.services import duplicate_promotion, update_promotion
from redemptions.errors import BudgetExhausted, CurrencyMismatch
from redemptions.limits.models import Limit
from redemptions.uses.consistency import check
from redemptions.uses.models import OfferUse
from redemptions.uses.selectors import get_budgets_left
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory
from tests.promotions.test_limits import quoted, reserve

pytestmark = pytest.mark.django_db
PATH = "/api/v1/promotions/"
ClientOf = Callable[[Any], Client]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def owner(billo: Brand) -> User:
    user: User = MembershipFactory(brand=billo).user
    return user


def half_off(brand: Brand, **fields: Any) -> Promotion:
    promotion: Promotion = PromotionFactory(brand=brand, trigger="code", text="CODE", percent="50", **fields)
    return promotion


def taken() -> dict[str, int]:
    return {limit.scope: limit.taken for limit in Limit.objects.filter(taken__gt=0)}


def test_an_order_in_a_currency_without_a_budget_is_a_currency_mismatch(billo: Brand, at: datetime) -> None:
    half_off(billo, budget=2_000)

    with pytest.raises(CurrencyMismatch) as refused:
        reserve(billo, at, "CODE", price=3_000, currency="JPY")

    assert (refused.value.extensions["currency"], refused.value.extensions["offer_currencies"]) == ("JPY", ["EUR"])
    assert taken() == {}
    assert quoted(billo, at, "CODE", price=4_000).decision.discount_total == 2_000


def test_each_currency_has_its_own_budget(billo: Brand, at: datetime) -> None:
    promotion = half_off(billo, budget=2_000, other_budgets={"GBP": 1_500, "JPY": 1_000})
    for currency, price in (("EUR", 4_000), ("GBP", 2_000), ("JPY", 1_000)):
        reserve(billo, at, "CODE", price=price, currency=currency)

    assert taken() == {"budget:EUR": 2_000, "budget:GBP": 1_000, "budget:JPY": 500}
    with pytest.raises(BudgetExhausted):
        reserve(billo, at, "CODE", price=100)
    with pytest.raises(CurrencyMismatch):
        reserve(billo, at, "CODE", price=100, currency="USD")
    reserve(billo, at, "CODE", price=1_000, currency="GBP")
    assert get_budgets_left(offers=[promotion.limits]) == {promotion.pk: {"EUR": 0, "GBP": 0, "JPY": 500}}
    assert list(check(at=at, repair=False)) == []


def test_a_budget_without_the_brands_currency_leaves_it_out(billo: Brand, at: datetime) -> None:
    half_off(billo, other_budgets={"GBP": 1_500})

    assert quoted(billo, at, "CODE", price=2_000, currency="GBP").decision.discount_total == 1_000
    with pytest.raises(CurrencyMismatch):
        reserve(billo, at, "CODE", price=2_000)


def test_a_released_order_returns_to_the_budget_of_its_currency(billo: Brand, at: datetime) -> None:
    half_off(billo, budget=2_000, other_budgets={"GBP": 1_000})
    reserve(billo, at, "CODE", price=1_000)
    pounds = reserve(billo, at, "CODE", price=2_000, currency="GBP")

    services.cancel(redemption=pounds, at=at)

    assert taken() == {"budget:EUR": 500}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"budget": 2_000}, {"budget:EUR": 500}),
        ({"other_budgets": {"GBP": 900}}, {"budget:GBP": 1_000}),
        ({"budget": 2_000, "other_budgets": {"GBP": 3_000, "USD": 1}}, {"budget:EUR": 500, "budget:GBP": 1_000}),
    ],
)
def test_a_budget_that_is_set_late_counts_what_was_given_in_its_currency(
    billo: Brand, at: datetime, fields: dict[str, Any], expected: dict[str, int]
) -> None:
    promotion = half_off(billo)
    reserve(billo, at, "CODE", price=1_000)
    reserve(billo, at, "CODE", price=2_000, currency="GBP")
    reserve(billo, at, "CODE", price=3_000, currency="JPY")

    update_promotion(promotion=promotion, fields=fields, at=at)

    assert taken() == expected
    assert list(check(at=at, repair=False)) == []


def test_a_budget_is_changed_and_removed_in_one_currency_alone(billo: Brand, at: datetime) -> None:
    promotion = half_off(billo, budget=2_000, other_budgets={"GBP": 1_000})
    reserve(billo, at, "CODE", price=1_000)
    reserve(billo, at, "CODE", price=2_000, currency="GBP")

    update_promotion(promotion=promotion, fields={"other_budgets": {"GBP": 1_200}}, at=at)
    assert get_budgets_left(offers=[Promotion.objects.get().limits]) == {promotion.pk: {"EUR": 1_500, "GBP": 200}}
    update_promotion(promotion=promotion, fields={"other_budgets": {}}, at=at)

    assert taken() == {"budget:EUR": 500}
    assert list(check(at=at, repair=False)) == []


def test_a_wrong_budget_is_recounted_in_its_currency(billo: Brand, at: datetime) -> None:
    half_off(billo, budget=2_000, other_budgets={"GBP": 1_000})
    reserve(billo, at, "CODE", price=1_000, currency="GBP")
    Limit.objects.filter(scope="budget:GBP", taken__gt=0).update(taken=7)

    assert len(list(check(at=at, repair=True))) == 1
    assert taken() == {"budget:GBP": 500}


def test_a_duplicate_has_all_budgets(billo: Brand, at: datetime) -> None:
    promotion = half_off(billo, budget=2_000, other_budgets={"GBP": 1_000})

    assert duplicate_promotion(promotion=promotion, at=at).budgets == {"EUR": 2_000, "GBP": 1_000}


# --- API and form -----------------------------------------------------------------------------------------------------
def new(**changes: Any) -> dict[str, Any]:
    offer = {"benefits": [{"kind": "percent", "value": "50"}]}
    dates = {"start_date": "2099-01-01", "end_date": "2099-02-01"}
    return {"name": "x", "trigger": "automatic", "offer": offer, **dates, **changes}


@pytest.mark.parametrize(
    ("budget", "answered"),
    [
        ("1000.00", "1000.00"),
        ({"EUR": "1000.00"}, "1000.00"),
        ({"GBP": "900.00", "EUR": "1000.00"}, {"EUR": "1000.00", "GBP": "900.00"}),
        ({"JPY": "90000"}, {"JPY": "90000"}),
        (None, None),
    ],
)
def test_the_api_takes_and_answers_a_budget_per_currency(
    shopper_client: ClientOf, owner: User, budget: Any, answered: Any
) -> None:
    client = shopper_client(owner)
    made = client.post(PATH, new(), content_type="application/json").json()
    changed = client.patch(f"{PATH}{made['id']}/", {"budget": budget}, content_type="application/json").json()

    assert (changed["budget"], changed["budget_left"]) == (answered, answered)


@pytest.mark.parametrize(
    ("budget", "field"),
    [
        ({}, "budget"),
        ({"EUR": "0.00"}, "budget.EUR"),
        ({"EUR": 5}, "budget.EUR"),
        ({"GBP": "5.00", "JPY": "1.5"}, "budget.JPY"),
        ({"eur": "5.00"}, "budget.eur"),
        ({"XAU": "5.00"}, "budget.XAU"),
        ([], "budget"),
    ],
)
def test_a_wrong_budget_is_refused_with_its_path(
    shopper_client: ClientOf, owner: User, budget: Any, field: str
) -> None:
    response = shopper_client(owner).post(PATH, new(budget=budget), content_type="application/json")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Promotion.objects.exists()


def test_the_form_has_rows_for_the_budgets_of_further_currencies(billo: Brand) -> None:
    promotion = half_off(billo, budget=2_000, other_budgets={"GBP": 1_000})
    form = PromotionForm(brand=billo, promotion=promotion)
    page = form["budget"].as_widget()
    assert [page.count(f'value="{text}"') for text in ("20.00", "GBP", "10.00")] == [1, 1, 1]

    sent = {
        **{name: form[name].value() for name in form.fields if name != "offer"},
        "start_date": "2026-01-01T00:00", "end_date": "2099-01-01T00:00", "offer-benefits-0-kind": "percent",
        "offer-benefits-0-value": "50", "budget": "20,00", "budget-currency": ["GBP", "usd"],
        "budget-amount": ["10.00", "5"],
    }  # fmt: skip
    bound = PromotionForm(sent, brand=billo, promotion=promotion)

    assert bound.is_valid(), bound.errors
    assert bound.values()["other_budgets"] == {"GBP": 1_000, "USD": 500}
    assert "budget" not in bound.values()


# --- redemptions of earlier releases ----------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_the_migration_takes_other_currencies_out_of_a_budget(billo: Brand) -> None:
    at = timezone.now()
    promotion = half_off(billo)
    for price, currency in ((1_000, "EUR"), (3_000, "JPY"), (600, "JPY")):
        reserve(billo, at, "CODE", price=price, currency=currency)
    OfferUse.objects.update(currency=None)
    update_promotion(promotion=promotion, fields={"budget": 2_000}, at=at)
    assert taken() == {"budget:EUR": 500 + 1_500 + 300}  # 2300: 300 more than the budget

    migration = importlib.import_module("checkout.migrations.0014_correct_budgets")
    with connection.schema_editor(atomic=False) as editor:
        migration.correct_budgets(apps, editor)

    assert taken() == {"budget:EUR": 500}
    assert set(OfferUse.objects.values_list("currency", flat=True)) == {"EUR", "JPY"}
    assert get_budgets_left(offers=[Promotion.objects.get().limits]) == {promotion.pk: {"EUR": 1_500}}
    assert list(check(at=at, repair=False)) == []
