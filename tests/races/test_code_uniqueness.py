"""A code belongs to one object, however many brands register it concurrently."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from core.ids import uuid7
from redemptions.codes.models import Code
from redemptions.codes.services import register_code
from redemptions.errors import CodeTaken
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def test_concurrent_requests_register_a_code_once_for_each_brand(run_concurrently: RunConcurrently) -> None:
    brands, spellings = BrandFactory.create_batch(5), ["SUMMER", "SUM-MER", "S_UMMER-"]

    results = run_concurrently(
        lambda number: register_code(
            text=spellings[number % 3], kind="discount_code", brand=brands[number % 5], offer=uuid7()
        ),
        range(100),
    )

    assert Counter(type(result) for result in results) == {Code: 5, CodeTaken: 95}
    assert set(Code.objects.values_list("brand", "canonical")) == {(brand.pk, "SUMMER") for brand in brands}


def test_without_the_key_a_code_is_registered_twice(run_concurrently: RunConcurrently) -> None:
    """Prove that the test above can fail: check, then insert, on a table without the constraint."""
    brand, count = BrandFactory(), 0
    table = f"CREATE TABLE unguarded_code (LIKE {Code._meta.db_table} INCLUDING DEFAULTS INCLUDING IDENTITY)"

    def check_then_insert(_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM unguarded_code WHERE text = 'SUMMER'")
            if cursor.fetchone() is None:
                cursor.execute(
                    "INSERT INTO unguarded_code (text, kind, brand_id, offer, single_use)"
                    " VALUES ('SUMMER', 'x', %s, gen_random_uuid(), false)",
                    [brand.pk],
                )

    with connection.cursor() as cursor:
        cursor.execute(table)
        try:
            for _ in range(10):
                run_concurrently(check_then_insert, range(50))
                cursor.execute("SELECT count(*) FROM unguarded_code")
                count = cursor.fetchone()[0]
                if count > 1:
                    break
                cursor.execute("TRUNCATE unguarded_code")
        finally:
            cursor.execute("DROP TABLE unguarded_code")

    assert count > 1
