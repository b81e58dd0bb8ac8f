"""Conditions and external IDs, however many requests change offers concurrently."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from promotions.models import Promotion
from redemptions.errors import ExternalIdTaken
from redemptions.metadata import update_metadata
from tests.factories import BrandFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
CALLERS = 8


def change_at_once(client: Client, run_concurrently: RunConcurrently) -> Counter[int]:
    """Return the statuses of concurrent changes of one promotion with the same ETag."""
    promotion = PromotionFactory(brand=BrandFactory(slug="billo"))
    url = f"/api/v1/promotions/{promotion.pk}/"
    tag = client.get(url).headers["ETag"]

    def change(number: int) -> int:
        body, headers = {"metadata": {"number": str(number)}}, {"If-Match": tag}
        status: int = client.patch(url, body, content_type="application/json", headers=headers).status_code
        return status

    return Counter(run_concurrently(change, range(CALLERS)))


@pytest.fixture
def admin(shopper_client: Callable[..., Client]) -> Client:
    """A client of a platform admin."""
    return shopper_client(UserFactory(is_superuser=True))


def test_of_concurrent_changes_with_the_same_etag_one_is_made(admin: Client, run_concurrently: RunConcurrently) -> None:
    assert change_at_once(admin, run_concurrently) == {200: 1, 412: CALLERS - 1}


def test_without_the_lock_several_changes_with_the_same_etag_are_made(
    admin: Client, run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.etags.lock_row", lambda row: None)

    assert change_at_once(admin, run_concurrently)[200] > 1, "the race that the lock prevents"


def test_an_external_id_is_given_to_one_of_concurrent_offers(run_concurrently: RunConcurrently) -> None:
    brand = BrandFactory()
    promotions = [PromotionFactory(brand=brand) for _ in range(CALLERS)]

    results = run_concurrently(
        lambda promotion: update_metadata(promotion, {"external_id": "erp-1"}, at=timezone.now()), promotions
    )

    assert Counter(map(type, results)) == {type(None): 1, ExternalIdTaken: CALLERS - 1}
    assert Promotion.objects.filter(external_id="erp-1").count() == 1


def test_without_the_constraint_an_external_id_is_given_twice(run_concurrently: RunConcurrently) -> None:
    brand = BrandFactory()
    promotions = [PromotionFactory(brand=brand) for _ in range(CALLERS)]
    constraint = next(one for one in Promotion._meta.constraints if one.name == "promotions_external_id_once")
    with connection.schema_editor() as editor:
        editor.remove_constraint(Promotion, constraint)
    try:
        run_concurrently(
            lambda promotion: update_metadata(promotion, {"external_id": "erp-1"}, at=timezone.now()), promotions
        )
        count = Promotion.objects.filter(external_id="erp-1").count()
    finally:
        Promotion.objects.all().update(external_id="")
        with connection.schema_editor() as editor:
            editor.add_constraint(Promotion, constraint)
    assert count > 1
