"""Migrations keep the rows of the previous release: its names become the present ones, its counters limits."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoDbBlocker

from core import renames
from core.models import OutboxMessage
from mailings.models import Mailing
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.databases import empty_database

LIMITS = "promotions", "0009_limits"
BEFORE_LIMITS = "promotions", "0008_alter_labels"
BEFORE_RENAMES = [("kernel", "0002_rename_fields"), ("mail", "0004_rename_fields")]
START = datetime(2026, 11, 1, tzinfo=UTC)
COUNTERS = [  # kind, slot, shard, taken, cap
    ("budget", "", 0, 300, 1_000), ("day", "2026-11-29", 0, 1, 9), ("total", "", 3, 1, 10), ("user", "7", 0, 1, 2),
]  # fmt: skip
SCOPES = {"budget": "budget:GBP", "user": "customer"}


@pytest.fixture
def empty(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database without tables."""
    with django_db_blocker.unblock(), empty_database():
        yield


@pytest.mark.timeout(600)  # every migration is applied
def test_rows_of_the_previous_release_are_kept(empty: None) -> None:
    beat = MigrationExecutor(connection).loader.graph.leaf_nodes("django_celery_beat")
    apps = migrate([*BEFORE_RENAMES, BEFORE_LIMITS, *beat])
    create_renamed_rows(apps)
    create_counters(apps)

    migrate([LIMITS])
    limits = query("SELECT scope, slot, shard, taken, cap FROM redemptions_limit ORDER BY scope")
    assert limits == sorted((SCOPES.get(kind, kind), *row) for kind, *row in COUNTERS)
    migrate([BEFORE_LIMITS])
    columns = "kind, slot, shard, taken, cap"
    assert query(f"SELECT {columns} FROM promotions_promotioncounter ORDER BY kind") == COUNTERS
    migrate()

    check_renamed_rows()
    assert list(Limit.objects.order_by("scope").values_list("scope", "slot", "shard", "taken", "cap")) == limits
    assert OfferUse.objects.get().counters == [[SCOPES.get(kind, kind), *row[:3]] for kind, *row in COUNTERS]


def migrate(targets: list[tuple[str, str]] | None = None) -> Any:
    """Migrate to these migrations, or to the present, and return the models of that time."""
    executor = MigrationExecutor(connection)
    return executor.migrate(targets or executor.loader.graph.leaf_nodes()).apps


def query(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        return list(cursor.execute(statement).fetchall())


def create_counters(apps: Any) -> None:
    """Create a promotion that was used once, with its counters."""
    brand = apps.get_model("accounts", "Brand").objects.create(slug="shop", name="Shop", created_at=START)
    customer = apps.get_model("accounts", "Customer").objects.create(customer_id="ann", created_at=START)
    promotion = apps.get_model("promotions", "Promotion").objects.create(
        name="Sale", brand=brand, start_date=START, end_date=START.replace(year=2099), created_at=START, offer={},
        currency="GBP", budget=1_000, limit_total=10, limit_per_day=9, limit_per_user=2,
    )  # fmt: skip
    for kind, slot, shard, taken, cap in COUNTERS:
        apps.get_model("promotions", "PromotionCounter").objects.create(
            promotion=promotion, kind=kind, scope_key=slot, shard=shard, taken=taken, cap=cap
        )
    apps.get_model("promotions", "PromotionRedemption").objects.create(
        promotion=promotion, redemption_id=promotion.pk, customer=customer, amount=300, redeemed_at=START,
        counters=[[kind, *row[:3]] for kind, *row in COUNTERS],
    )  # fmt: skip


def create_renamed_rows(apps: Any) -> None:
    """Create messages, schedules and mailings with the names of the previous release."""
    messages = apps.get_model("kernel", "OutboxMessage").objects
    for old_name in renames.TASKS:
        messages.create(task=old_name, kwargs={"kept": old_name}, created_at=START, due_at=START)
    messages.create(task="accounts.send_invitation", kwargs={}, created_at=START, due_at=START)
    every = apps.get_model("django_celery_beat", "IntervalSchedule").objects.create(every=30, period="seconds")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects
    tasks.create(name="beat heart", task="kernel.beat_heart", interval=every, enabled=False)
    tasks.create(name="tell brands of uses", task="discounts.tell_brands", interval=every)
    tasks.create(name="send usage digests", task="discounts.send_usage_digests", interval=every)
    tasks.create(name="mine", task="reports.mine", interval=every)
    for number, old_path in enumerate(renames.MAIL_TYPES):
        apps.get_model("mail", "Mailing").objects.create(
            key=f"mailing:{number}", mail_type=old_path, created_at=START, data={}
        )


def check_renamed_rows() -> None:
    """Check that messages, schedules and mailings have the present names."""
    waiting = {message.kwargs.get("kept"): message.task for message in OutboxMessage.objects.all()}
    assert waiting.pop(None) == "accounts.send_invitation"
    assert waiting == renames.TASKS
    assert set(query("SELECT name, task, enabled FROM django_celery_beat_periodictask")) == {
        ("record heartbeat", "core.record_heartbeat", False),
        ("send usage digests", "discounts.send_usage_digests", True),
        ("mine", "reports.mine", True),
    }
    assert set(Mailing.objects.values_list("mail_type", flat=True)) == set(renames.MAIL_TYPES.values())
