"""A batch has exactly its number of codes, a code one owner, an owner one code, and a unique code one redemption."""

import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import Customer
from promotions import code_rules, services
from promotions.errors import CodesExhausted
from promotions.models import Code, CodeBatch, Promotion, PromotionRedemption
from promotions.services import batches
from promotions.services.assignments import AssignmentResult
from segments.services import apply_audience
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ClientOf = Callable[[Any], Client]
PATTERN = "SUMMER-########"


@pytest.fixture
def promotion() -> Promotion:
    made: Promotion = PromotionFactory(brand=BrandFactory(slug="billo"), trigger="code")
    return made


def batch_of(promotion: Promotion, count: int) -> CodeBatch:
    batch = services.create_batch(promotion=promotion, count=count, pattern=PATTERN)
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    return batch


def owned(batch: CodeBatch) -> list[Any]:
    return list(Code.objects.filter(batch=batch, customer__isnull=False).values_list("customer", flat=True))


# --- making -----------------------------------------------------------------------------------------------------------
def test_12_makers_of_one_batch_make_exactly_its_number(
    run_concurrently: RunConcurrently, promotion: Promotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 50)
    batch = services.create_batch(promotion=promotion, count=2_025, pattern=PATTERN)

    results = run_concurrently(lambda _: services.generate_codes(batch_id=batch.pk), range(12))
    services.generate_codes(batch_id=batch.pk)

    assert results == [None] * 12
    batch.refresh_from_db()
    assert batch.generated_count == Code.objects.filter(batch=batch).count() == 2_025


def test_without_the_lock_makers_make_more_than_they_count(
    run_concurrently: RunConcurrently, promotion: Promotion
) -> None:
    """The proof that the test above can fail: read how far it is, make a chunk, write how far it is now."""
    batch = services.create_batch(promotion=promotion, count=200, pattern=PATTERN)

    @transaction.atomic
    def look_then_make(_: int) -> None:
        mine = CodeBatch.objects.select_related("promotion").get(pk=batch.pk)
        if wanted := min(50, mine.count - mine.generated_count):
            mine.generated_count += batches._add(mine, code_rules.generate_codes(mine.pattern, mine.charset, count=wanted))
            mine.save(update_fields=["generated_count"])

    for _ in range(10):
        run_concurrently(look_then_make, range(8))
        batch.refresh_from_db()
        if Code.objects.filter(batch=batch).count() > batch.generated_count:
            break

    assert Code.objects.filter(batch=batch).count() > batch.generated_count


def test_makers_of_batches_with_few_possible_codes_never_deadlock_and_share_none(
    run_concurrently: RunConcurrently, promotion: Promotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 40)
    made = [
        CodeBatch.objects.create(
            brand=promotion.brand,
            promotion=promotion,
            count=120,
            pattern="A-##",
            charset="23456789ABCDEFGHJKMNPQRSTUVWXYZ",
        )
        for _ in range(6)
    ]  # 720 of 961 possible codes, which make_batch would refuse

    results = run_concurrently(lambda batch: services.generate_codes(batch_id=batch.pk), made)

    assert results == [None] * 6
    assert [Code.objects.filter(batch=batch).count() for batch in made] == [120] * 6


# --- giving -----------------------------------------------------------------------------------------------------------
def test_20_assigners_at_once_give_no_code_twice_and_nobody_two(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    batch = batch_of(promotion, 100)
    names = [f"c{number}" for number in range(100)]

    def assign(number: int) -> AssignmentResult:
        mine = names[number * 3 : number * 3 + 40] + names[:5]  # each overlaps with a dozen others
        return services.assign_to_customers(batch=batch, customer_ids=mine, notify=True, at=at)

    results = run_concurrently(assign, range(20))

    assert {type(result) for result in results} == {AssignmentResult}, results
    everyone = names[:97]
    assert sum(result.assigned for result in results) == len(everyone)
    assert Counter(owned(batch)) == dict.fromkeys(Customer.objects.values_list("pk", flat=True), 1)
    assert len(owned(batch)) == len(everyone)


def test_the_last_codes_go_to_as_many_as_there_are(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    batch = batch_of(promotion, 10)

    results = run_concurrently(
        lambda number: services.assign_to_customers(batch=batch, customer_ids=[f"c{number}"], notify=False, at=at), range(40)
    )

    assert Counter(type(result) for result in results) == {AssignmentResult: 10, CodesExhausted: 30}
    assert len(set(owned(batch))) == 10


def test_an_audience_and_names_at_once_give_each_one(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    batch = batch_of(promotion, 60)
    names = [f"c{number}" for number in range(50)]
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=names)
    jobs = [services.assign_to_audience(batch=batch, segment_type="vip", notify=False) for _ in range(3)]
    deeds: list[Callable[[], object]] = [
        partial(services.continue_assignment, assignment_id=job.pk, at=at) for job in jobs * 3
    ]
    deeds += [
        partial(services.assign_to_customers, batch=batch, customer_ids=names[place::5], notify=False, at=at) for place in range(5)
    ]

    results = run_concurrently(lambda deed: deed(), deeds)

    assert {type(result) for result in results} == {AssignmentResult, type(None)}, results
    assert len(owned(batch)) == len(set(owned(batch))) == 50


def test_without_the_constraint_a_look_before_gives_a_customer_two(
    run_concurrently: RunConcurrently, promotion: Promotion
) -> None:
    """The proof that the tests above can fail: look, then give, without the customer's lock and the constraint."""
    batch, customer = batch_of(promotion, 500), CustomerFactory()
    name = "promotions_one_code_per_customer_of_batch"

    def look_then_give(_: int) -> None:
        if not Code.objects.filter(batch=batch, customer=customer).exists():
            free = Code.objects.filter(batch=batch, customer=None).order_by("?").values_list("pk", flat=True)[:1]
            Code.objects.filter(pk=free[0]).update(customer=customer)

    given = 0
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}")
        try:
            for _ in range(10):
                run_concurrently(look_then_give, range(20))
                given = Code.objects.filter(batch=batch, customer=customer).count()
                if given > 1:
                    break
                Code.objects.filter(batch=batch).update(customer=None)
        finally:
            Code.objects.filter(batch=batch).update(customer=None)
            cursor.execute(
                f"CREATE UNIQUE INDEX {name} ON promotions_code (batch_id, customer_id)"
                " WHERE batch_id IS NOT NULL AND customer_id IS NOT NULL"
            )

    assert given > 1


# --- spending ---------------------------------------------------------------------------------------------------------
def spend(client: Client, code: str, number: int) -> tuple[int, str]:
    """Reserve an order of a customer's with a code over HTTP: the status, and why not."""
    body = {
        "currency": "EUR", "codes": [code], "order": str(number), "customer_id": f"c{number}",
        "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00", "brand": "billo"}],
    }  # fmt: skip
    response = client.post("/api/v1/checkout/redemptions/", body, content_type="application/json")
    return response.status_code, response.json().get("code", "")


def test_100_carts_spend_a_code_of_a_batch_once_over_http(
    run_concurrently: RunConcurrently, brand_client: ClientOf, promotion: Promotion
) -> None:
    code = batch_of(promotion, 1).codes.get().text
    client = brand_client(promotion.brand)

    results = run_concurrently(lambda number: spend(client, code, number), range(100))

    assert Counter(results) == {(201, ""): 1, (409, "code_already_used"): 99}
    assert PromotionRedemption.objects.get().code == code


def test_without_the_unique_index_a_look_before_spends_a_code_twice(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    """The proof that the test above can fail: look for a use, then write one, with the index away."""
    code = batch_of(promotion, 1).codes.get().text
    customer = CustomerFactory()

    def look_then_write(_: int) -> None:
        if not PromotionRedemption.objects.filter(code=code).exists():
            PromotionRedemption.objects.create(
                promotion=promotion, redemption_id=uuid.uuid4(), customer=customer, code=code, amount=1,
                redeemed_at=at,
            )  # fmt: skip

    uses = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX promotions_code_used_once")
        try:
            for _ in range(10):
                run_concurrently(look_then_write, range(50))
                uses = PromotionRedemption.objects.filter(code=code).count()
                if uses > 1:
                    break
                PromotionRedemption.objects.all().delete()
        finally:
            PromotionRedemption.objects.all().delete()
            cursor.execute(
                "CREATE UNIQUE INDEX promotions_code_used_once ON promotions_promotionuse (code) WHERE NOT code = ''"
            )

    assert uses > 1
