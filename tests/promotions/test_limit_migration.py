"""The counters of the previous release become rows of limits, and the other way round."""

import json
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.factories import CustomerFactory, PromotionFactory

BEFORE = [("promotions", "0008_alter_labels")]
ROWS = [  # kind, slot, shard, taken, cap
    ("budget", "", 0, 300, 1_000), ("day", "2026-11-29", 0, 1, 9), ("total", "", 3, 1, 10), ("user", "7", 0, 1, 2),
]  # fmt: skip
NAMES = {"budget": "budget:GBP", "user": "customer"}


def migrate(targets: list[tuple[str, str]] | None = None) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(targets or executor.loader.graph.leaf_nodes())


@pytest.fixture
def restored(transactional_db: None) -> Iterator[None]:
    """Migrate to the present again, whatever happens."""
    yield
    migrate()


@pytest.mark.timeout(900)  # every later migration is undone and applied again
def test_counters_become_limits_and_limits_become_counters(restored: None) -> None:
    promotion = PromotionFactory(currency="GBP", budget=1_000, limit_total=10, limit_per_day=9, limit_per_user=2)
    use = OfferUse.objects.create(
        offer_id=promotion.pk, redemption_id=promotion.pk, customer=CustomerFactory(), amount=300,
        redeemed_at=promotion.start_date, counters=[[NAMES.get(kind, kind), *row[:3]] for kind, *row in ROWS],
    )  # fmt: skip
    for kind, slot, shard, taken, cap in ROWS:
        Limit.objects.create(
            owner=promotion.pk, scope=NAMES.get(kind, kind), slot=slot, shard=shard, taken=taken, cap=cap
        )
    limits = list(Limit.objects.order_by("pk").values_list())

    migrate(BEFORE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, slot, shard, taken, cap FROM promotions_promotioncounter ORDER BY kind")
        assert cursor.fetchall() == ROWS
        cursor.execute("SELECT counters FROM promotions_promotionuse")
        assert json.loads(cursor.fetchone()[0]) == [[kind, *row[:3]] for kind, *row in ROWS]
    migrate()

    assert list(Limit.objects.order_by("pk").values_list()) == limits
    assert OfferUse.objects.get().counters == use.counters
