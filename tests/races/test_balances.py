"""Concurrent orders never take more than the balance of a code, and refunds never return more."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum

from accounts.contracts import Shopper
from checkout import services
from checkout.contracts import Actor
from checkout.models import Redemption
from checkout.refunds import RefundRequest
from core import db
from core.errors import DomainError
from promotions.models import Promotion
from redemptions.balances.models import BalanceMovement
from redemptions.errors import CodeAlreadyUsed
from redemptions.limits.models import Limit
from tests.factories import BrandFactory, PromotionFactory
from tests.races.test_budget import reserve, shoppers

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
GOODWILL = {"benefits": [{"kind": "amount", "value": "15.00", "on": "order", "keep_balance": True}]}


def give_code() -> Promotion:
    """Return a promotion with the code GOODWILL, worth 15.00."""
    promotion: Promotion = PromotionFactory(brand=BrandFactory(), offer=GOODWILL, trigger="code", text="GOODWILL")
    return promotion


def take_together(run_concurrently: RunConcurrently, at: datetime, *, price: int = 200) -> list[Any]:
    """Reserve sixteen orders of 2.00 with one code at once."""
    brand = give_code().brand
    return run_concurrently(
        lambda shopper: reserve(brand, shopper, at, "GOODWILL", order=shopper.customer_id, price=price), shoppers(16)
    )


def test_concurrent_orders_take_a_balance_to_the_last_cent(run_concurrently: RunConcurrently, at: datetime) -> None:
    results = take_together(run_concurrently, at)

    # seven orders take 2.00, one takes the last 1.00
    taken = Counter(result.discount_total if isinstance(result, Redemption) else type(result) for result in results)
    assert taken == {200: 7, 100: 1, CodeAlreadyUsed: 8}
    assert Limit.objects.get().taken == 1_500
    assert BalanceMovement.objects.aggregate(total=Sum("amount"))["total"] == -1_500
    assert sorted(BalanceMovement.objects.values_list("balance", flat=True)) == [0, *range(100, 1_400, 200)]
    call_command("check_consistency")


def test_without_the_condition_and_the_constraint_a_balance_is_overdrawn(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail."""
    load_sql = db.load_sql
    monkeypatch.setattr(
        db, "load_sql", lambda path: load_sql(path).replace("WHERE l.taken + excluded.taken <=", "WHERE true OR 1 <=")
    )
    constraints = {
        "redemptions_limit": ("redemptions_limit_within_cap", "CHECK (taken >= 0 AND taken <= cap)"),
        "redemptions_balancemovement": ("redemptions_movement_balance", "CHECK (balance >= 0)"),
    }
    with connection.cursor() as cursor:
        for table, (name, _check) in constraints.items():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        try:
            take_together(run_concurrently, at)
            assert Limit.objects.get().taken > 1_500
        finally:
            Limit.objects.all().delete()
            BalanceMovement.objects.all().delete()
            for table, (name, check) in constraints.items():
                cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {check}")


def test_concurrent_orders_take_over_what_one_expired_reservation_holds(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = give_code().brand
    first, *others = shoppers(9)
    reserve(brand, first, at, "GOODWILL", order="first", price=1_500)

    later = at + timedelta(hours=1)
    results = run_concurrently(
        lambda shopper: reserve(brand, shopper, later, "GOODWILL", order=shopper.customer_id, price=300), others
    )

    assert Counter(type(result) for result in results if not isinstance(result, Redemption)) == {CodeAlreadyUsed: 3}
    assert sum(result.discount_total for result in results if isinstance(result, Redemption)) == 1_500
    assert BalanceMovement.objects.filter(reason="expired").count() == 1
    services.release_expired(at=later)
    assert Limit.objects.get().taken == 1_500
    call_command("check_consistency")


def test_concurrent_refunds_and_orders_keep_the_sum_of_the_movements(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = give_code().brand

    def trade(shopper: Shopper) -> None:
        chance = random.Random(shopper.key)
        for number in range(6):
            try:
                price = chance.randint(1, 900)
                order = reserve(brand, shopper, at, "GOODWILL", order=f"{shopper.key}-{number}", price=price)
                if chance.random() < 0.3:
                    services.cancel(redemption=order, at=at)
                    continue
                services.confirm(redemption=order, by=Actor.SERVER, at=at)
                if chance.random() < 0.7:
                    services.return_redemption(redemption=order, request=RefundRequest(), at=at)
            except DomainError as error:
                assert isinstance(error, CodeAlreadyUsed), error  # noqa: PT017  (the others are defects)

    assert run_concurrently(trade, shoppers(8)) == [None] * 8
    paid = Redemption.objects.filter(status="confirmed").aggregate(total=Sum("discount_total"))["total"] or 0
    assert Limit.objects.get().taken == paid <= 1_500
    assert BalanceMovement.objects.aggregate(total=Sum("amount"))["total"] == -paid
    call_command("check_consistency")
