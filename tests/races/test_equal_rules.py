"""Equal terms of a brand are one rule, however many codes are created concurrently."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from discounts.models import DiscountRule
from discounts.services import create_rule
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def test_concurrent_codes_with_equal_terms_share_a_rule(run_concurrently: RunConcurrently) -> None:
    brand = BrandFactory()

    rules = run_concurrently(lambda _: create_rule(brand=brand, fields={"discount": 10}), range(40))

    assert {rule.pk for rule in rules} == {DiscountRule.objects.get().pk}


def test_without_the_constraint_equal_rules_are_several(run_concurrently: RunConcurrently) -> None:
    brand = BrandFactory()
    count = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX discounts_rule_once")
        try:
            for discount in range(1, 21):
                run_concurrently(
                    lambda _, percent=discount: create_rule(brand=brand, fields={"discount": percent}), range(40)
                )
                count = DiscountRule.objects.filter(discount=discount).count()
                if count > 1:
                    break
        finally:
            DiscountRule.objects.all().delete()
            cursor.execute("CREATE UNIQUE INDEX discounts_rule_once ON discounts_discountrule (brand_id, fingerprint)")
    assert count > 1, "the race that the constraint prevents"
