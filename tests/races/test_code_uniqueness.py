"""A typed string means one thing, whoever claims it at the same moment."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from promotions.code_rules import code_digest
from promotions.errors import CodeTaken
from promotions.models import Code
from promotions.services import register_code
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def test_100_brands_claim_one_string_and_one_has_it(run_concurrently: RunConcurrently) -> None:
    brands = BrandFactory.create_batch(20)

    results = run_concurrently(
        lambda number: register_code(text="SUMMER", kind="discount_code", brand=brands[number % 20]), range(100)
    )

    assert Counter(type(result) for result in results) == {Code: 1, CodeTaken: 99}
    (winner,) = [result for result in results if isinstance(result, Code)]
    assert Code.objects.get().brand_id == winner.brand_id


def test_without_the_key_a_look_before_lets_one_string_mean_two_things(run_concurrently: RunConcurrently) -> None:
    """The proof that the test above can fail: look, then claim, on a table without the constraint."""
    brand, claims = BrandFactory(), 0
    table = f"CREATE TABLE unguarded_code (LIKE {Code._meta.db_table} INCLUDING DEFAULTS)"

    def look_then_claim(_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM unguarded_code WHERE text = 'SUMMER'")
            if cursor.fetchone() is None:
                cursor.execute(
                    "INSERT INTO unguarded_code (text, digest, kind, brand_id, single_use)"
                    " VALUES ('SUMMER', %s, 'x', %s, false)",
                    [code_digest("SUMMER"), brand.pk],
                )

    with connection.cursor() as cursor:
        cursor.execute(table)
        try:
            for _ in range(10):
                run_concurrently(look_then_claim, range(50))
                cursor.execute("SELECT count(*) FROM unguarded_code")
                claims = cursor.fetchone()[0]
                if claims > 1:
                    break
                cursor.execute("TRUNCATE unguarded_code")
        finally:
            cursor.execute("DROP TABLE unguarded_code")

    assert claims > 1
