"""Two brands don't take names that look alike at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts import services
from accounts.models import Brand
from accounts.services import brand_names
from core.errors import InvalidRequest
from core.lookalikes import canonicalize_name
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
NAMES = ["Billo", "BILLO", "BiIIo", "B1llo", "Bill0", "B-illo", "B\u00edllo", "b i l l o"]


def rename_all(run_concurrently: RunConcurrently, *, pause: Callable[[], object] = lambda: None) -> list[Any]:
    """Rename brands at once to names that look alike, as owners do in the admin, with a pause before each is saved."""
    brands = [BrandFactory() for _ in NAMES]

    def rename(number: int) -> None:
        with transaction.atomic():
            services.check_brand_name(name=NAMES[number], brand_id=brands[number].pk)
            pause()
            Brand.objects.filter(pk=brands[number].pk).update(name=NAMES[number])

    return run_concurrently(rename, range(len(NAMES)))


def count_alike() -> int:
    names = Brand.objects.values_list("name", flat=True)
    return sum(canonicalize_name(name) == canonicalize_name("Billo") for name in names)


def test_one_of_several_brands_gets_the_name(run_concurrently: RunConcurrently) -> None:
    results = rename_all(run_concurrently)

    assert count_alike() == 1
    assert sorted(type(result).__name__ for result in results) == sorted(["NoneType"] + ["InvalidRequest"] * 7)
    assert InvalidRequest.code == "invalid"


def test_without_the_lock_several_do(run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brand_names, "_LOCK", "SELECT 1")
    all_have_checked = threading.Barrier(len(NAMES), timeout=30)

    rename_all(run_concurrently, pause=all_have_checked.wait)

    assert count_alike() > 1
