"""A brand has at most one current grant of another brand."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AcceptanceGrant
from accounts.services import create_grant
from core.errors import Busy
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def create_many(run_concurrently: RunConcurrently) -> list[Any]:
    issuer, acceptor = BrandFactory(), BrandFactory()
    return run_concurrently(
        lambda _: create_grant(issuer=issuer, acceptor=acceptor, kinds=["coupon"], at=timezone.now()), range(20)
    )


def test_concurrent_grants_to_a_brand_leave_one(run_concurrently: RunConcurrently) -> None:
    results = create_many(run_concurrently)

    assert {type(result) for result in results} <= {AcceptanceGrant, Busy}
    assert AcceptanceGrant.objects.filter(ended_at=None).count() == 1


def test_without_the_constraint_a_brand_has_several_grants(run_concurrently: RunConcurrently) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef('accounts_grant_once'::regclass)")
        definition = cursor.fetchone()[0]
        cursor.execute("DROP INDEX accounts_grant_once")
        try:
            create_many(run_concurrently)
            current = AcceptanceGrant.objects.filter(ended_at=None).count()
        finally:
            AcceptanceGrant.objects.all().delete()
            cursor.execute(definition)

    assert current > 1
