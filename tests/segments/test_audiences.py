"""Updates of audiences are atomic and counted, and older versions change nothing."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from accounts.models import Brand, Customer
from core.errors import InvalidRequest
from segments import selectors, services
from segments.contracts import AudienceUpdateResult, Source
from segments.errors import AudienceReadOnly
from segments.models import Audience, AudienceMember
from segments.services import audiences, staging
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory()
    return brand


def members(brand: Brand, segment_type: str = "vip") -> set[str]:
    rows = AudienceMember.objects.filter(audience__brand=brand, audience__segment_type=segment_type)
    return set(rows.values_list("customer__customer_id", flat=True))


def change(brand: Brand, operation: str, *ids: str, version: int | None = None) -> AudienceUpdateResult:
    return services.apply_audience(
        brand=brand, segment_type="vip", operation=operation, customer_ids=ids, version=version
    )


def test_updates_return_how_many_customers_changed(brand: Brand) -> None:
    assert change(brand, "add", "c1", "c2", "c2") == AudienceUpdateResult(received=3, added=2, removed=0, size=2)
    assert change(brand, "add", "c2", "c3") == AudienceUpdateResult(received=2, added=1, removed=0, size=3)
    assert change(brand, "remove", "c1", "c9") == AudienceUpdateResult(received=2, added=0, removed=1, size=2)
    assert change(brand, "replace", "c3", "c4", "c5") == AudienceUpdateResult(received=3, added=2, removed=1, size=3)
    assert members(brand) == {"c3", "c4", "c5"}

    assert change(brand, "replace") == AudienceUpdateResult(received=0, added=0, removed=3, size=0)

    assert members(brand) == set()
    assert Audience.objects.get().size == 0


def test_only_added_customers_are_created(brand: Brand) -> None:
    Customer.objects.create(customer_id="c1")

    change(brand, "add", "c1", "c2")
    change(brand, "remove", "c3")

    assert set(Customer.objects.values_list("customer_id", flat=True)) == {"c1", "c2"}


def test_an_older_version_changes_nothing(brand: Brand) -> None:
    change(brand, "replace", "c1", version=5)

    result = change(brand, "replace", "c2", "c3", version=4)

    assert result == AudienceUpdateResult(received=2, added=0, removed=0, size=1, stale=True)
    assert members(brand) == {"c1"}
    assert Audience.objects.get().version == 5


def test_the_same_version_again_changes_nothing_and_a_newer_one_does(brand: Brand) -> None:
    change(brand, "replace", "c1", "c2", version=0)

    assert change(brand, "replace", "c1", "c2", version=0) == AudienceUpdateResult(2, 0, 0, 2)
    assert change(brand, "replace", "c3", version=1) == AudienceUpdateResult(1, 1, 2, 1)
    assert Audience.objects.get().version == 1


def test_an_update_without_a_version_keeps_the_stored_version(brand: Brand) -> None:
    change(brand, "replace", "c1", version=5)

    change(brand, "add", "c2")

    assert members(brand) == {"c1", "c2"}
    assert Audience.objects.get().version == 5


def test_an_update_leaves_audiences_of_other_brands_unchanged(brand: Brand) -> None:
    other = BrandFactory()
    change(other, "add", "c1", "c2")

    change(brand, "replace", "c3")

    assert (members(other), members(brand)) == ({"c1", "c2"}, {"c3"})


def test_an_automatic_audience_rejects_updates(brand: Brand) -> None:
    Audience.objects.create(brand=brand, segment_type="vip", source=Source.AUTOMATIC)

    with pytest.raises(AudienceReadOnly):
        change(brand, "add", "c1")

    assert members(brand) == set()


@pytest.mark.parametrize("name", ["", "a b", "x" * 101])
def test_an_invalid_segment_type_is_rejected(brand: Brand, name: str) -> None:
    with pytest.raises(InvalidRequest):
        services.apply_audience(brand=brand, segment_type=name, operation="add", customer_ids=["c1"])

    assert not Audience.objects.exists()


def test_a_file_with_an_invalid_line_changes_nothing(brand: Brand) -> None:
    change(brand, "replace", "c1")

    with pytest.raises(InvalidRequest) as raised:
        services.apply_file(
            brand=brand, segment_type="vip", operation="replace", parts=[b"c2\nc3\n", b"\x07\n"], media_type="text/csv"
        )

    assert [error["field"] for error in raised.value.errors or []] == ["line 3"]
    assert members(brand) == {"c1"}
    assert not Customer.objects.filter(customer_id="c2").exists()


def test_a_file_of_several_chunks_is_applied_completely(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CUSTOMERS_PER_TRANSACTION", 3)
    monkeypatch.setattr(staging, "BLOCK", 1000)

    def parts() -> Iterator[bytes]:
        for start in range(0, 6_000, 100):
            yield b"".join(b"customer%d\n" % number for number in range(start, start + 100))

    result = services.apply_file(
        brand=brand, segment_type="vip", operation="replace", parts=parts(), media_type="text/csv"
    )

    assert result == AudienceUpdateResult(received=6_000, added=6_000, removed=0, size=6_000)
    assert Customer.objects.count() == len(members(brand)) == 6_000


def test_an_update_leaves_no_table_or_setting_on_the_connection(brand: Brand) -> None:
    change(brand, "add", "c1")

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.segments_sent'), current_setting('statement_timeout')")
        assert cursor.fetchone() == (None, "30s")


def test_the_size_is_read_without_counting_members(brand: Brand, django_assert_num_queries: Any) -> None:
    change(brand, "add", "c1", "c2")

    with django_assert_num_queries(1) as queries:
        assert selectors.get_audience_size(brand_id=brand.pk, segment_type="vip") == 2

    assert "audiencemember" not in queries.captured_queries[0]["sql"]
    assert selectors.get_audience_size(brand_id=brand.pk, segment_type="unknown") == 0


def test_the_consistency_check_repairs_sizes(brand: Brand, at: datetime) -> None:
    change(brand, "add", "c1", "c2")
    assert list(audiences.check_consistency(at=at, repair=False)) == []
    Audience.objects.update(size=7)

    (line,) = audiences.check_consistency(at=at, repair=False)
    (repaired,) = audiences.check_consistency(at=at, repair=True)

    assert line.endswith("size 7 stored, 2 counted")
    assert repaired == f"{line}: repaired"
    assert Audience.objects.get().size == 2
