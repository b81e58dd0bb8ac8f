"""The event log: appending, positions, epochs and partitions."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum

from core.errors import NotFound
from core.ids import min_uuid7_at, uuid7, uuid7_datetime
from redemptions import apps
from redemptions.errors import CursorExpired
from redemptions.events import rules, selectors
from redemptions.events.contracts import EventFilter, EventType, NewEvent, Position
from redemptions.events.models import Event, EventReader
from redemptions.events.services import append_events, open_epoch, partitions, retention
from redemptions.events.tasks import maintain_event_partitions
from redemptions.results.models import RejectionBucket
from redemptions.results.services import rollup
from tests.factories import BrandFactory, ShopperFactory
from tests.redemptions.events import read_all, wait_for_horizon

OLDER_UUID7 = import_module("redemptions.migrations.0001_events").UUID7


def new_event(brand: uuid.UUID, at: datetime, **changes: Any) -> NewEvent:
    values: dict[str, Any] = {"type": EventType.OFFER_CREATED, "at": at, "brand": brand}
    return NewEvent(**values | changes)


@pytest.mark.django_db
def test_an_event_keeps_its_values(at: datetime) -> None:
    brand, customer, offer, redemption = BrandFactory(), ShopperFactory().customer, uuid7(), uuid7()

    count = append_events(
        [
            new_event(
                brand.pk, at, type=EventType.REDEMPTION_REJECTED, kind="coupon", offer=offer, code="TEN",
                customer=customer.pk, order="1001", redemption=redemption, amount=250, subtotal=1000, currency="EUR",
                reason={"code": "minimum_not_met", "missing": "4.10"}, data={"note": "ü"},
            ),
            new_event(brand.pk, at),
        ]
    )  # fmt: skip

    assert count == 2
    row = Event.objects.get(type="redemption.rejected")
    stored = selectors.get_event(event_id=row.pk, brands=[brand.pk])
    assert stored == {
        "id": row.pk, "tx": row.tx, "type": "redemption.rejected", "created_at": at, "brand_id": brand.pk,
        "brand": brand.slug, "kind": "coupon", "offer_id": offer, "code": "TEN", "customer_key": customer.pk,
        "customer": customer.customer_id, "order": "1001", "redemption_id": redemption, "amount": 250, "subtotal": 1000,
        "currency": "EUR", "reason": {"code": "minimum_not_met", "missing": "4.10"}, "data": {"note": "ü"},
    }  # fmt: skip
    other = Event.objects.get(type="offer.created")
    assert (other.kind, other.code, other.order, other.currency, other.data) == ("", "", "", "", {})
    assert (other.offer_id, other.customer_id, other.amount, other.reason) == (None, None, None, None)


@pytest.mark.django_db
def test_appending_nothing_runs_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert append_events([]) == 0


@pytest.mark.django_db
def test_the_database_makes_the_id_and_the_transaction_number(at: datetime) -> None:
    brand = BrandFactory()

    append_events(new_event(brand.pk, at) for _ in range(3))

    ids = list(Event.objects.order_by("id").values_list("id", flat=True))
    assert {key.version for key in ids} == {7}
    assert abs(uuid7_datetime(ids[0]) - datetime.now(UTC)) < timedelta(minutes=5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        assert set(Event.objects.values_list("tx", flat=True)) == {cursor.fetchone()[0]}


@pytest.mark.django_db
def test_older_servers_make_ids_of_the_same_form() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE FUNCTION pg_temp.older_uuid7() RETURNS uuid LANGUAGE sql AS $$ {OLDER_UUID7} $$")
        cursor.execute("SELECT pg_temp.older_uuid7(), clock_timestamp() FROM generate_series(1, 500)")
        rows = cursor.fetchall()

    keys = [key for key, _ in rows]
    assert {(key.version, key.variant) for key in keys} == {(7, uuid.RFC_4122)}
    assert len(set(keys)) == 500
    assert all(abs(uuid7_datetime(key) - at) < timedelta(milliseconds=50) for key, at in rows)
    fractions = [key.int >> 64 for key in keys]  # milliseconds, version, 4096ths: in order within a millisecond, too
    assert fractions == sorted(fractions)


# --- positions --------------------------------------------------------------------------------------------------------
def test_a_cursor_is_read_as_it_was_written() -> None:
    position = Position(123, uuid.UUID(int=5))

    assert rules.decode_cursor(rules.encode_cursor(position, epoch="2-77"), epoch="2-77") == position


def test_a_cursor_of_another_epoch_has_expired() -> None:
    with pytest.raises(CursorExpired) as raised:
        rules.decode_cursor(rules.encode_cursor(Position(), epoch="1-77"), epoch="2-77")

    assert (raised.value.code, raised.value.status) == ("cursor_expired", 410)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "%%%", "ä", "MTo6", "MTotMTowMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA",
        rules.encode_cursor(Position(1 << 63), epoch="1"), rules.encode_cursor(Position(1), epoch="1") + "A",
    ],
)  # fmt: skip
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        rules.decode_cursor(text, epoch="1")


@pytest.mark.django_db(transaction=True)
def test_filters_select_events(at: datetime) -> None:
    brand, other = BrandFactory(), BrandFactory()
    customer, offer = ShopperFactory().customer, uuid7()
    append_events([new_event(brand.pk, at, kind="coupon", offer=offer, code="TEN", order="1", customer=customer.pk)])
    append_events([new_event(brand.pk, at, type=EventType.REDEMPTION_RESERVED, kind="voucher")])
    append_events([new_event(brand.pk, at, type=EventType.REDEMPTION_CONFIRMED)])
    append_events([new_event(other.pk, at, type=EventType.VOUCHER_GRANTED)])
    wait_for_horizon()

    def types(**wanted: Any) -> list[str]:
        return [row["type"] for row in read_all(EventFilter(**wanted))]

    created, reserved, confirmed, granted = (
        "offer.created",
        "redemption.reserved",
        "redemption.confirmed",
        "voucher.granted",
    )
    assert types() == [created, reserved, confirmed, granted]
    assert types(brands=(brand.pk,)) == [created, reserved, confirmed]
    assert types(brands=(brand.pk, other.pk)) == [created, reserved, confirmed, granted]
    assert types(types=("redemption.*",)) == [reserved, confirmed]
    assert types(types=("redemption.reserved", "voucher.*")) == [reserved, granted]
    assert types(types=("redemption_reserved",)) == []
    assert types(kind="voucher") == [reserved]
    assert types(offer=offer) == types(codes=("TEN",)) == types(order="1") == types(customer=customer.pk) == [created]
    assert types(offer=uuid7()) == types(codes=("TE%",)) == types(order="2") == types(brands=()) == []


@pytest.mark.django_db(transaction=True)
def test_events_of_one_transaction_continue_within_it(at: datetime) -> None:
    brand = BrandFactory()
    append_events(new_event(brand.pk, at, order=str(number)) for number in range(20))
    wait_for_horizon()

    assert [row["order"] for row in read_all(limit=3)] == [str(number) for number in range(20)]


@pytest.mark.django_db(transaction=True)
def test_a_reader_waits_for_a_transaction_that_began_earlier(at: datetime) -> None:
    brand = BrandFactory()
    slow = connection.copy()
    try:
        with slow.cursor() as cursor:
            cursor.execute("BEGIN; SELECT pg_current_xact_id()")
            append_events([new_event(brand.pk, at)])
            assert Event.objects.count() == 1
            assert read_all() == []
            cursor.execute("ROLLBACK")
    finally:
        slow.close()

    wait_for_horizon()
    assert len(read_all()) == 1


@pytest.mark.django_db
def test_an_event_of_another_brand_is_not_found(at: datetime) -> None:
    brand = BrandFactory()
    append_events([new_event(brand.pk, at)])
    key = Event.objects.get().pk

    assert selectors.get_event(event_id=key, brands=None)["id"] == key
    for brands in ([], [BrandFactory().pk]):
        with pytest.raises(NotFound):
            selectors.get_event(event_id=key, brands=brands)


# --- epochs -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def restored_epoch() -> Iterator[None]:
    """The functions of the epoch as they were before the test."""
    epoch, _ = selectors.get_epoch_and_horizon()
    yield
    with connection.cursor() as cursor:
        replace = "CREATE OR REPLACE FUNCTION"
        cursor.execute(
            f"{replace} redemptions_event_epoch() RETURNS text LANGUAGE sql STABLE AS $$ SELECT '{epoch}' $$"
        )
        cursor.execute(
            f"{replace} redemptions_event_offset() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 0::bigint $$"
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("restored_epoch")
def test_a_restore_into_another_server_continues_the_order_and_expires_cursors(at: datetime) -> None:
    brand = BrandFactory()
    append_events([new_event(brand.pk, at)])
    number = int(selectors.get_epoch_and_horizon()[0].partition("-")[0])
    with connection.cursor() as cursor:  # as if another server, with much higher numbers, had written the event
        cursor.execute("UPDATE redemptions_event SET tx = tx + 1000000000")
        cursor.execute(
            "CREATE OR REPLACE FUNCTION redemptions_event_epoch() RETURNS text LANGUAGE sql STABLE"
            f" AS $$ SELECT '{number}-another' $$"
        )

    apps._open_event_epoch()
    append_events([new_event(brand.pk, at, order="after")])
    wait_for_horizon()

    assert [row["order"] for row in read_all()] == ["", "after"]
    assert selectors.get_epoch_and_horizon()[0].startswith(f"{number + 1}-")
    assert not open_epoch()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("restored_epoch")
def test_a_restore_on_the_same_server_starts_an_epoch_by_command(at: datetime, capsys: Any) -> None:
    epoch, _ = selectors.get_epoch_and_horizon()

    call_command("open_event_epoch")

    number = int(epoch.partition("-")[0])
    assert selectors.get_epoch_and_horizon()[0].startswith(f"{number + 1}-")
    assert "new epoch" in capsys.readouterr().out


# --- partitions -------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_partitions_are_created_ahead_and_take_the_rows_of_their_month(at: datetime) -> None:
    brand = BrandFactory()
    key = min_uuid7_at(at)
    Event.objects.create(id=key, tx=1, brand=brand, created_at=at, type="offer.created")

    def table() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tableoid::regclass::text FROM redemptions_event WHERE id = %s", [key])
            return str(cursor.fetchone()[0])

    assert table() == "redemptions_event_rest"
    assert partitions.create_partitions(at=at) == 3
    assert partitions.create_partitions(at=at) == 0
    assert table() == "redemptions_event_2027_03"


@pytest.mark.django_db
def test_months_are_dropped_after_the_retention_period(at: datetime, settings: Any) -> None:
    brand = BrandFactory()
    partitions.create_partitions(at=at)
    Event.objects.create(id=min_uuid7_at(at), tx=1, brand=brand, created_at=at, type="offer.created")

    settings.EVENT_RETENTION_MONTHS = 0
    assert partitions.drop_old_months(at=at + timedelta(days=900)) == []
    settings.EVENT_RETENTION_MONTHS = 2
    assert "redemptions_event_2027_03" not in partitions.drop_old_months(at=datetime(2027, 5, 31, tzinfo=UTC))
    assert Event.objects.exists()
    assert partitions.drop_old_months(at=datetime(2027, 6, 1, tzinfo=UTC)) == ["redemptions_event_2027_03"]
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_refused_attempts_are_deleted_before_other_events_and_their_numbers_stay(settings: Any) -> None:
    brand, at = BrandFactory(), datetime(2027, 3, 20, tzinfo=UTC)
    for day in (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
        for event_type in ("redemption.rejected", "redemption.confirmed"):
            Event.objects.create(
                id=min_uuid7_at(day + timedelta(milliseconds=len(event_type))), tx=day.year, brand=brand,
                created_at=day, type=event_type, kind="promotion", offer_id=brand.pk, reason={"code": "code_expired"},
            )  # fmt: skip

    def list_rejections() -> list[int]:
        return list(Event.objects.filter(type="redemption.rejected").values_list("created_at__year", flat=True))

    # a reader that has not read them yet keeps them
    settings.REJECTION_RETENTION_MONTHS = 2
    EventReader.objects.create(name="slow", tx=0)
    assert retention.delete_old_rejections(at=at) == 0
    EventReader.objects.all().delete()
    rollup.roll_up()

    settings.REJECTION_RETENTION_MONTHS = 0
    assert retention.delete_old_rejections(at=at) == 0
    settings.REJECTION_RETENTION_MONTHS = 2
    assert retention.delete_old_rejections(at=at) == 1
    assert list_rejections() == [2027]
    assert retention.delete_old_rejections(at=at) == 0
    assert retention.delete_old_rejections(at=at + timedelta(days=31)) == 1
    assert list_rejections() == []
    assert Event.objects.count() == 2
    assert RejectionBucket.objects.filter(offer_id=brand.pk).aggregate(total=Sum("rejected"))["total"] == 2


@pytest.mark.django_db
def test_the_daily_task_maintains_the_partitions() -> None:
    maintain_event_partitions()

    assert partitions.create_partitions(at=datetime.now(UTC)) == 0
