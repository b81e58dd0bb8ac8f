"""Concurrent updates of one audience: the size matches the members, and the newest version wins."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import Customer
from segments import services
from segments.contracts import AudienceUpdateResult
from segments.models import Audience, AudienceMember
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def test_concurrent_updates_of_an_audience_keep_its_size_correct(run_concurrently: RunConcurrently) -> None:
    brand = BrandFactory()

    def change(number: int) -> AudienceUpdateResult:
        ids = [f"c{(number * 7 + step) % 60}" for step in range(25)]
        operation = ("add", "remove", "replace")[number % 3]
        return services.apply_audience(brand=brand, segment_type="vip", operation=operation, customer_ids=ids)

    for _ in range(3):
        results = run_concurrently(change, range(24))

        assert Counter(type(result) for result in results) == {AudienceUpdateResult: 24}
        assert Audience.objects.get().size == AudienceMember.objects.count()


def test_without_the_lock_concurrent_updates_corrupt_the_size(run_concurrently: RunConcurrently) -> None:
    """Prove that the test above can fail: the members change, then the size is written as it was read."""
    brand = BrandFactory()
    audience = Audience.objects.create(brand=brand, segment_type="vip")
    customers = Customer.objects.bulk_create(Customer(customer_id=f"c{number}") for number in range(24))

    def add_and_count(customer: Customer) -> None:
        AudienceMember.objects.create(audience=audience, customer=customer)
        with connection.cursor() as cursor:
            cursor.execute("SELECT size FROM segments_audience WHERE id = %s", [audience.pk])
            size = cursor.fetchone()[0]
            cursor.execute("UPDATE segments_audience SET size = %s WHERE id = %s", [size + 1, audience.pk])

    run_concurrently(add_and_count, customers)

    assert Audience.objects.get().size < AudienceMember.objects.count() == 24


def test_newest_of_concurrent_versions_wins(run_concurrently: RunConcurrently) -> None:
    brand = BrandFactory()

    def replace(version: int) -> AudienceUpdateResult:
        ids = [f"v{version}-{number}" for number in range(10)]
        return services.apply_audience(
            brand=brand, segment_type="vip", operation="replace", customer_ids=ids, version=version
        )

    results = run_concurrently(replace, range(20))

    assert Counter(type(result) for result in results) == {AudienceUpdateResult: 20}
    names = AudienceMember.objects.values_list("customer__customer_id", flat=True)
    assert set(names) == {f"v19-{number}" for number in range(10)}
    assert Audience.objects.get().version == 19


def test_without_the_lock_an_older_version_wins(run_concurrently: RunConcurrently) -> None:
    """Prove that the test above can fail: check the version, then replace."""
    brand = BrandFactory()
    audience = Audience.objects.create(brand=brand, segment_type="vip", version=0)

    def check_then_replace(version: int) -> None:
        read = Audience.objects.get(pk=audience.pk)
        if version >= (read.version or 0):
            Audience.objects.filter(pk=audience.pk).update(version=version)

    for _ in range(20):
        Audience.objects.update(version=0)
        run_concurrently(check_then_replace, range(1, 25))
        if Audience.objects.get().version != 24:
            break

    assert Audience.objects.get().version != 24


def test_adding_the_same_customers_in_different_orders_never_deadlocks(run_concurrently: RunConcurrently) -> None:
    brand, customer_ids = BrandFactory(), [f"c{number}" for number in range(2_000)]

    def add(number: int) -> AudienceUpdateResult:
        ids = customer_ids if number % 2 else customer_ids[::-1]
        return services.apply_audience(brand=brand, segment_type=f"type{number}", operation="add", customer_ids=ids)

    results = run_concurrently(add, range(8))

    assert [getattr(result, "size", result) for result in results] == [2_000] * 8
    assert Customer.objects.count() == 2_000


def test_readers_see_the_old_audience_until_it_is_replaced(run_concurrently: RunConcurrently) -> None:
    brand = BrandFactory()
    versions = [{f"{name}{number}" for number in range(300)} for name in "ab"]
    services.apply_audience(brand=brand, segment_type="vip", operation="replace", customer_ids=versions[0])

    def write_or_read(number: int) -> list[set[str]]:
        if number < 4:
            for step in range(5):
                services.apply_audience(
                    brand=brand, segment_type="vip", operation="replace", customer_ids=versions[(number + step) % 2]
                )
            return []
        rows = AudienceMember.objects.values_list("customer__customer_id", flat=True)
        return [set(rows.all()) for _ in range(30)]

    results = run_concurrently(write_or_read, range(8))

    assert [result for result in results if isinstance(result, Exception)] == []
    reads = [members for result in results for members in result]
    assert len(reads) == 120
    assert all(members in versions for members in reads)
