"""A batch has exactly its number of codes, each code one owner and one redemption, and each customer one code."""

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime
from functools import cache, partial
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Customer
from promotions.models import Promotion
from redemptions.codes import files, services
from redemptions.codes import rules as code_rules
from redemptions.codes.models import Code, CodeBatch
from redemptions.codes.services import batches, revocations
from redemptions.codes.services.assignments import AssignmentResult
from redemptions.errors import BatchRevoked, CodesExhausted
from redemptions.events.models import Event
from redemptions.uses.models import OfferUse
from segments.services import apply_audience
from tests.code_batches import create_batch, import_codes
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ClientOf = Callable[[Any], Client]
PATTERN = "SUMMER-########"


@pytest.fixture
def promotion() -> Promotion:
    created: Promotion = PromotionFactory(brand=BrandFactory(slug="billo"), trigger="code")
    return created


def generate_batch(promotion: Promotion, count: int) -> CodeBatch:
    batch = create_batch(promotion, count=count, pattern=PATTERN)
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    return batch


def list_owners(batch: CodeBatch) -> list[Any]:
    return list(Code.objects.filter(batch=batch, customer__isnull=False).values_list("customer", flat=True))


# --- generating -------------------------------------------------------------------------------------------------------
def test_concurrent_generators_generate_exactly_the_batch_size(
    run_concurrently: RunConcurrently, promotion: Promotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 50)
    batch = create_batch(promotion, count=2_025, pattern=PATTERN)

    results = run_concurrently(lambda _: services.generate_codes(batch_id=batch.pk), range(12))
    services.generate_codes(batch_id=batch.pk)

    assert results == [None] * 12
    batch.refresh_from_db()
    assert batch.generated_count == Code.objects.filter(batch=batch).count() == 2_025


def test_without_the_lock_generators_exceed_the_count(run_concurrently: RunConcurrently, promotion: Promotion) -> None:
    """Prove that the test above can fail: read the count, generate a chunk, write the count."""
    batch = create_batch(promotion, count=200, pattern=PATTERN)

    @transaction.atomic
    def read_then_generate(_: int) -> None:
        copy = CodeBatch.objects.get(pk=batch.pk)
        if missing := min(50, copy.count - copy.generated_count):
            copy.generated_count += batches._add(
                copy, code_rules.generate_codes(copy.pattern, copy.charset, count=missing)
            )
            copy.save(update_fields=["generated_count"])

    for _ in range(10):
        run_concurrently(read_then_generate, range(8))
        batch.refresh_from_db()
        if Code.objects.filter(batch=batch).count() > batch.generated_count:
            break

    assert Code.objects.filter(batch=batch).count() > batch.generated_count


def test_generators_of_batches_with_few_possible_codes_never_deadlock(
    run_concurrently: RunConcurrently, promotion: Promotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 40)
    code_batches = [
        CodeBatch.objects.create(
            brand=promotion.brand,
            kind="promotion",
            offer=promotion.pk,
            count=120,
            pattern="A-##",
            charset="23456789ABCDEFGHJKMNPQRSTUVWXYZ",
        )
        for _ in range(6)
    ]  # 720 of 961 possible codes, which create_batch would reject

    results = run_concurrently(lambda batch: services.generate_codes(batch_id=batch.pk), code_batches)

    assert results == [None] * 6
    assert [Code.objects.filter(batch=batch).count() for batch in code_batches] == [120] * 6


# --- revoking ---------------------------------------------------------------------------------------------------------
def test_concurrent_revocations_assignments_and_imports_leave_no_code(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "CHUNK", 20)
    batch = import_codes(promotion, ["code", *(f"CODE-{number:03}" for number in range(100))]).batch
    stale = CodeBatch.objects.select_related("brand").get(pk=batch.pk)

    def change(number: int) -> None:
        with suppress(BatchRevoked, CodesExhausted):
            if number % 4 == 0:
                services.revoke_batch(batch=CodeBatch.objects.get(pk=batch.pk), at=at)
            elif number % 4 == 1:
                import_codes(promotion, ["code", *(f"LATE-{number}-{line}" for line in range(30))], batch=stale)
            elif number % 4 == 2:
                customer_ids = [f"c{number}-{index}" for index in range(10)]
                services.assign_to_customers(batch=stale, customer_ids=customer_ids, notify=False, at=at)
            services.continue_revocation(batch_id=batch.pk, at=at)

    results = run_concurrently(change, range(16))
    services.continue_revocation(batch_id=batch.pk, at=at)

    assert results == [None] * 16
    assert not Code.objects.filter(batch=batch, revoked_at=None).exists()
    batch.refresh_from_db()
    assert batch.revoked_count == batch.count == Code.objects.filter(batch=batch).count()
    assert Event.objects.get(type="code.revoked").data["count"] == batch.count


def test_an_import_that_runs_while_its_batch_is_revoked_adds_nothing_later(promotion: Promotion, at: datetime) -> None:
    batch, imported = _revoke_during_an_import(promotion, at)

    assert imported
    assert not Code.objects.filter(batch=batch, revoked_at=None).exists()


def test_without_the_lock_of_the_batch_an_import_adds_codes_to_a_revoked_one(
    promotion: Promotion, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail: read the batch once, without locking it."""
    monkeypatch.setattr(batches, "lock_batch", cache(lambda *, batch_id: CodeBatch.objects.get(pk=batch_id)))

    batch, _imported = _revoke_during_an_import(promotion, at)

    assert Code.objects.filter(batch=batch, revoked_at=None).exists()


def _revoke_during_an_import(promotion: Promotion, at: datetime) -> tuple[CodeBatch, bool]:
    """Revoke a batch while a chunk of an import has read it. Return it, and whether the import finished first."""
    batch = import_codes(promotion, ["code", "FIRST-1"]).batch
    result = services.ImportResult(CodeBatch.objects.select_related("brand").get(pk=batch.pk))
    rows = list(files.iter_rows(["code", "LATE-1"]))

    def revoke() -> None:
        services.revoke_batch(batch=CodeBatch.objects.get(pk=batch.pk), at=at)
        services.continue_revocation(batch_id=batch.pk, at=at)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert batches.lock_batch(batch_id=batch.pk).revoked_at is None
            revocation = pool.submit(_run_and_close, revoke)
            wait([revocation], timeout=1)
            was_first = not revocation.done()
            batches._import(result, rows, allow_weak=True)
        revocation.result(30)
    return batch, was_first


def _run_and_close(call: Callable[[], None]) -> None:
    try:
        call()
    finally:
        connections.close_all()


# --- assigning --------------------------------------------------------------------------------------------------------
def test_concurrent_assignments_give_each_customer_one_code(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    batch = generate_batch(promotion, 100)
    customer_ids = [f"c{number}" for number in range(100)]

    def assign(number: int) -> AssignmentResult:
        assigned_ids = (
            customer_ids[number * 3 : number * 3 + 40] + customer_ids[:5]
        )  # each overlaps with several others
        return services.assign_to_customers(batch=batch, customer_ids=assigned_ids, notify=True, at=at)

    results = run_concurrently(assign, range(20))

    assert {type(result) for result in results} == {AssignmentResult}, results
    all_ids = customer_ids[:97]
    assert sum(result.assigned for result in results) == len(all_ids)
    assert Counter(list_owners(batch)) == dict.fromkeys(Customer.objects.values_list("pk", flat=True), 1)
    assert len(list_owners(batch)) == len(all_ids)


def test_concurrent_imports_and_assignments_give_each_customer_one_code(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    batch = import_codes(promotion, ["code", *(f"FREE-{number}" for number in range(40))]).batch
    customer_ids = [f"c{number}" for number in range(20)]
    lines = ["customer_id,code", *(f"{name},OWN-{name}" for name in customer_ids)]
    calls = [
        partial(import_codes, promotion, lines, batch=batch) if number % 2 else
        partial(services.assign_to_customers, batch=batch, customer_ids=customer_ids, notify=False, at=at)
        for number in range(8)
    ]  # fmt: skip

    results = run_concurrently(lambda call: call(), calls)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(list_owners(batch)) == len(set(list_owners(batch))) == 20
    assert list(batches.check_consistency(at=at, repair=False)) == []


def test_concurrent_assignments_never_exceed_the_available_codes(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    batch = generate_batch(promotion, 10)

    results = run_concurrently(
        lambda number: services.assign_to_customers(batch=batch, customer_ids=[f"c{number}"], notify=False, at=at),
        range(40),
    )

    assert Counter(type(result) for result in results) == {AssignmentResult: 10, CodesExhausted: 30}
    assert len(set(list_owners(batch))) == 10


def test_assignments_to_an_audience_and_to_customers_give_each_one_code(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    batch = generate_batch(promotion, 60)
    customer_ids = [f"c{number}" for number in range(50)]
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=customer_ids)
    jobs = [
        services.assign_to_audience(batch=batch, segment_type="vip", notify=False, at=timezone.now()) for _ in range(3)
    ]
    calls: list[Callable[[], object]] = [
        partial(services.continue_assignment, assignment_id=job.pk, at=at) for job in jobs * 3
    ]
    calls += [
        partial(services.assign_to_customers, batch=batch, customer_ids=customer_ids[index::5], notify=False, at=at)
        for index in range(5)
    ]

    results = run_concurrently(lambda call: call(), calls)

    assert {type(result) for result in results} == {AssignmentResult, type(None)}, results
    assert len(list_owners(batch)) == len(set(list_owners(batch))) == 50


def test_without_the_constraint_a_customer_gets_two_codes(
    run_concurrently: RunConcurrently, promotion: Promotion
) -> None:
    """Prove that the tests above can fail: check, then assign, without the lock on the customer and the constraint."""
    batch, customer = generate_batch(promotion, 500), CustomerFactory()
    name = "promotions_one_code_per_customer_of_batch"

    def check_then_assign(_: int) -> None:
        if not Code.objects.filter(batch=batch, customer=customer).exists():
            available = Code.objects.filter(batch=batch, customer=None).order_by("?").values_list("pk", flat=True)[:1]
            Code.objects.filter(pk=available[0]).update(customer=customer)

    code_count = 0
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}")
        try:
            for _ in range(10):
                run_concurrently(check_then_assign, range(20))
                code_count = Code.objects.filter(batch=batch, customer=customer).count()
                if code_count > 1:
                    break
                Code.objects.filter(batch=batch).update(customer=None)
        finally:
            Code.objects.filter(batch=batch).update(customer=None)
            cursor.execute(
                f"CREATE UNIQUE INDEX {name} ON promotions_code (batch_id, customer_id)"
                " WHERE batch_id IS NOT NULL AND customer_id IS NOT NULL"
            )

    assert code_count > 1


# --- redeeming --------------------------------------------------------------------------------------------------------
def redeem(client: Client, code: str, number: int) -> tuple[int, str]:
    """Reserve an order of a customer with a code over HTTP; return the status and the error code."""
    body = {
        "currency": "EUR", "codes": [code], "order": str(number), "customer_id": f"c{number}",
        "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00", "brand": "billo"}],
    }  # fmt: skip
    response = client.post("/api/v1/checkout/redemptions/", body, content_type="application/json")
    return response.status_code, response.json().get("code", "")


def test_concurrent_carts_redeem_a_code_of_a_batch_once_over_http(
    run_concurrently: RunConcurrently, brand_client: ClientOf, promotion: Promotion
) -> None:
    code = generate_batch(promotion, 1).codes.get().text
    client = brand_client(promotion.brand)

    results = run_concurrently(lambda number: redeem(client, code, number), range(100))

    assert Counter(results) == {(201, ""): 1, (409, "code_already_used"): 99}
    assert OfferUse.objects.get().code == code


def test_without_the_unique_index_a_code_of_a_batch_is_redeemed_twice(
    run_concurrently: RunConcurrently, promotion: Promotion, at: datetime
) -> None:
    """Prove that the test above can fail: check for a redemption, then insert one, without the index."""
    code = generate_batch(promotion, 1).codes.get().text
    customer = CustomerFactory()

    def check_then_insert(_: int) -> None:
        if not OfferUse.objects.filter(code=code).exists():
            OfferUse.objects.create(
                offer_id=promotion.pk, redemption_id=uuid.uuid4(), customer=customer, code=code, amount=1,
                redeemed_at=at,
            )  # fmt: skip

    redemption_count = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX promotions_code_used_once")
        try:
            for _ in range(10):
                run_concurrently(check_then_insert, range(50))
                redemption_count = OfferUse.objects.filter(code=code).count()
                if redemption_count > 1:
                    break
                OfferUse.objects.all().delete()
        finally:
            OfferUse.objects.all().delete()
            cursor.execute(
                "CREATE UNIQUE INDEX promotions_code_used_once ON promotions_promotionuse (promotion_id, code)"
                " WHERE NOT code = ''"
            )

    assert redemption_count > 1
