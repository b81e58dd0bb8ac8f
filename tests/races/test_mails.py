"""A mail is planned once per recipient, however many planners run at the same time."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from core import db
from mailings.contracts import Recipient
from mailings.models import Mail, Mailing
from mailings.services import planning

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
PATH = "mailings/sql/add_recipients.sql"
RECIPIENTS = [Recipient(key, f"shopper{key}@example.com") for key in range(1, 200)]


def plan_concurrently(run_concurrently: RunConcurrently, key: str, at: datetime) -> int:
    """Plan the same mails with 16 planners and return their number."""

    def plan(_: int) -> int:
        mailing = planning.plan_mailing(key=key, mail_type="tests.mailings.kinds.news")
        return planning.add_recipients(mailing=mailing, recipients=RECIPIENTS, at=at)

    added = run_concurrently(plan, range(16))
    assert not [result for result in added if isinstance(result, Exception)]
    return Mail.objects.filter(mailing__key=key).count()


def test_concurrent_planners_plan_one_mail_per_recipient(run_concurrently: RunConcurrently, at: datetime) -> None:
    assert plan_concurrently(run_concurrently, "news", at) == len(RECIPIENTS)
    assert Mailing.objects.count() == 1


def test_without_the_constraint_recipients_are_planned_twice(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, planned = db.load_sql(PATH), 0
    checking = original.replace(
        "ON CONFLICT (mailing_id, recipient) DO NOTHING",
        "WHERE NOT EXISTS (SELECT FROM mail_mail WHERE mailing_id = %(mailing)s AND recipient = planned.recipient)",
    )
    assert checking != original
    load = db.load_sql
    monkeypatch.setattr(db, "load_sql", lambda path: checking if path == PATH else load(path))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE mail_mail DROP CONSTRAINT mail_once_per_recipient")
        try:
            for attempt in range(20):
                planned = plan_concurrently(run_concurrently, f"news {attempt}", at)
                if planned > len(RECIPIENTS):
                    break
        finally:
            Mail.objects.all().delete()
            cursor.execute(
                "ALTER TABLE mail_mail ADD CONSTRAINT mail_once_per_recipient UNIQUE (mailing_id, recipient)"
            )
    assert planned > len(RECIPIENTS), "the race that the constraint prevents"
