"""Audiences change all at once, count themselves, and ignore what is older than what they know."""

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
    made: Brand = BrandFactory()
    return made


def members(brand: Brand, segment_type: str = "vip") -> set[str]:
    rows = AudienceMember.objects.filter(audience__brand=brand, audience__segment_type=segment_type)
    return set(rows.values_list("customer__customer_id", flat=True))


def change(brand: Brand, operation: str, *ids: str, version: int | None = None) -> AudienceUpdateResult:
    return services.apply_audience(
        brand=brand, segment_type="vip", operation=operation, customer_ids=ids, version=version
    )


def test_adding_removing_and_replacing_say_what_came_of_them(brand: Brand) -> None:
    assert change(brand, "add", "c1", "c2", "c2") == AudienceUpdateResult(received=3, added=2, removed=0, size=2)
    assert change(brand, "add", "c2", "c3") == AudienceUpdateResult(received=2, added=1, removed=0, size=3)
    assert change(brand, "remove", "c1", "c9") == AudienceUpdateResult(received=2, added=0, removed=1, size=2)
    assert change(brand, "replace", "c3", "c4", "c5") == AudienceUpdateResult(received=3, added=2, removed=1, size=3)
    assert members(brand) == {"c3", "c4", "c5"}

    assert change(brand, "replace") == AudienceUpdateResult(received=0, added=0, removed=3, size=0)

    assert members(brand) == set()
    assert Audience.objects.get().size == 0


def test_customers_who_were_never_seen_are_made_and_those_to_be_removed_are_not(brand: Brand) -> None:
    Customer.objects.create(customer_id="c1")

    change(brand, "add", "c1", "c2")
    change(brand, "remove", "c3")

    assert set(Customer.objects.values_list("customer_id", flat=True)) == {"c1", "c2"}


def test_an_older_version_changes_nothing(brand: Brand) -> None:
    change(brand, "replace", "c1", version=5)

    answer = change(brand, "replace", "c2", "c3", version=4)

    assert answer == AudienceUpdateResult(received=2, added=0, removed=0, size=1, stale=True)
    assert members(brand) == {"c1"}
    assert Audience.objects.get().version == 5


def test_the_same_version_again_changes_nothing_and_a_newer_one_does(brand: Brand) -> None:
    change(brand, "replace", "c1", "c2", version=0)

    assert change(brand, "replace", "c1", "c2", version=0) == AudienceUpdateResult(2, 0, 0, 2)
    assert change(brand, "replace", "c3", version=1) == AudienceUpdateResult(1, 1, 2, 1)
    assert Audience.objects.get().version == 1


def test_an_update_without_a_version_is_applied_and_leaves_the_stored_one(brand: Brand) -> None:
    change(brand, "replace", "c1", version=5)

    change(brand, "add", "c2")

    assert members(brand) == {"c1", "c2"}
    assert Audience.objects.get().version == 5


def test_another_brands_audience_of_the_type_stays_as_it_is(brand: Brand) -> None:
    other = BrandFactory()
    change(other, "add", "c1", "c2")

    change(brand, "replace", "c3")

    assert (members(other), members(brand)) == ({"c1", "c2"}, {"c3"})


def test_an_audience_that_is_worked_out_here_takes_nobody_elses_word(brand: Brand) -> None:
    Audience.objects.create(brand=brand, segment_type="vip", source=Source.AUTOMATIC)

    with pytest.raises(AudienceReadOnly):
        change(brand, "add", "c1")

    assert members(brand) == set()


@pytest.mark.parametrize("name", ["", "a b", "x" * 101])
def test_a_strange_segment_type_is_refused(brand: Brand, name: str) -> None:
    with pytest.raises(InvalidRequest):
        services.apply_audience(brand=brand, segment_type=name, operation="add", customer_ids=["c1"])

    assert not Audience.objects.exists()


def test_a_file_takes_effect_as_a_whole_or_not_at_all(brand: Brand) -> None:
    change(brand, "replace", "c1")

    with pytest.raises(InvalidRequest) as refused:
        services.apply_file(
            brand=brand, segment_type="vip", operation="replace", parts=[b"c2\nc3\n", b"\x07\n"], media_type="text/csv"
        )

    assert [fault["field"] for fault in refused.value.errors or []] == ["line 3"]
    assert members(brand) == {"c1"}
    assert not Customer.objects.filter(customer_id="c2").exists()


def test_a_file_of_several_stretches_is_applied_whole(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CUSTOMERS_PER_TRANSACTION", 3)
    monkeypatch.setattr(staging, "BLOCK", 1000)

    def parts() -> Iterator[bytes]:
        for start in range(0, 6_000, 100):
            yield b"".join(b"customer%d\n" % number for number in range(start, start + 100))

    answer = services.apply_file(
        brand=brand, segment_type="vip", operation="replace", parts=parts(), media_type="text/csv"
    )

    assert answer == AudienceUpdateResult(received=6_000, added=6_000, removed=0, size=6_000)
    assert Customer.objects.count() == len(members(brand)) == 6_000


def test_nothing_is_left_on_the_connection(brand: Brand) -> None:
    change(brand, "add", "c1")

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.segments_sent'), current_setting('statement_timeout')")
        assert cursor.fetchone() == (None, "30s")


def test_the_size_is_read_and_not_counted(brand: Brand, django_assert_num_queries: Any) -> None:
    change(brand, "add", "c1", "c2")

    with django_assert_num_queries(1) as asked:
        assert selectors.get_audience_size(brand_id=brand.pk, segment_type="vip") == 2

    assert "audiencemember" not in asked.captured_queries[0]["sql"]
    assert selectors.get_audience_size(brand_id=brand.pk, segment_type="nobody") == 0


def test_the_audit_counts_again_and_mends(brand: Brand, at: datetime) -> None:
    change(brand, "add", "c1", "c2")
    assert list(audiences.check_consistency(at=at, repair=False)) == []
    Audience.objects.update(size=7)

    (line,) = audiences.check_consistency(at=at, repair=False)
    (mended,) = audiences.check_consistency(at=at, repair=True)

    assert "says 7, has 2" in line
    assert mended.endswith("mended")
    assert Audience.objects.get().size == 2
