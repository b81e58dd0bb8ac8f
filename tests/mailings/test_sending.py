"""Planned mails are sent in batches, each once, whatever the provider responds."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail as django_mail
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from core import db
from mailings import rules, selectors
from mailings.contracts import Recipient
from mailings.models import Mail, Mailing, Suppression
from mailings.services import planning, sending
from tests.fakes.sendgrid import SendGrid

Plan = Callable[..., Mailing]
CountByStatus = Callable[[], dict[str, int]]


def test_every_recipient_gets_one_mail_in_batches_of_a_thousand(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    news = mailing(2500)

    accepted = sending.send_due(at=at)

    assert accepted == 2500
    assert sendgrid.requests == 3
    assert sorted(sendgrid.accepted) == sorted(Mail.objects.values_list("address", flat=True))
    assert len(set(sendgrid.accepted)) == 2500
    assert count_by_status() == {"sent": 2500}
    news.refresh_from_db()
    assert news.status == "done"
    assert selectors.get_progress(key="news") == {"planned": 2500, "sent": 2500, "failed": 0}


def test_a_second_run_sends_nothing(sendgrid: SendGrid, mailing: Plan, at: datetime) -> None:
    mailing(3)
    sending.send_due(at=at)

    sending.send_due(at=at + timedelta(days=1))

    assert sendgrid.requests == 1


def test_a_recipient_planned_twice_has_one_mail(mailing: Plan, count_by_status: CountByStatus, at: datetime) -> None:
    mailing(2)

    mailing(3)

    assert count_by_status() == {"planned": 3}
    assert Mailing.objects.count() == 1


def test_each_recipient_gets_their_own_name_and_link(sendgrid: SendGrid, mailing: Plan, at: datetime) -> None:
    mailing(addresses=["a@example.com", "b@example.com"])
    Mail.objects.filter(address="b@example.com").update(name="<Bo & Co>")

    sending.send_due(at=at)

    first, second = sorted(sendgrid.mails, key=lambda taken: taken.address)
    assert first.subject == "News for Shopper 1"
    assert second.texts["text/html"].startswith("<p>Hello <b>&lt;Bo &amp; Co&gt;</b>")
    assert second.texts["text/plain"].startswith("Hello <Bo & Co>: http")
    assert first.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert first.headers["List-Unsubscribe"] != second.headers["List-Unsubscribe"]
    assert first.headers["List-Unsubscribe"].strip("<>") in first.texts["text/plain"]
    assert first.payload["from"] == {"email": "promotions@example.com", "name": "Billo"}
    assert first.custom_args == {"mail_id": str(Mail.objects.get(address="a@example.com").pk)}


@pytest.mark.parametrize("status", [429, 500, 503, 401, 403])
def test_temporarily_rejected_mails_are_sent_later_and_once(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime, status: int
) -> None:
    mailing(1500)
    sendgrid.next(status)

    sending.send_due(at=at)

    assert sendgrid.accepted == []
    assert sendgrid.requests == 1  # the provider asked to wait
    assert count_by_status() == {"planned": 1500}
    sending.send_due(at=at)
    assert len(sendgrid.accepted) == 500  # the other batch; the rejected one waits
    sending.send_due(at=at + rules.retry_delay(1))
    assert count_by_status() == {"sent": 1500}
    assert len(set(sendgrid.accepted)) == len(sendgrid.accepted) == 1500


def test_the_retry_after_of_the_provider_is_honored(sendgrid: SendGrid, mailing: Plan, at: datetime) -> None:
    mailing(1)
    sendgrid.retry_after = "600"
    sendgrid.next(429)

    sending.send_due(at=at)

    assert Mail.objects.get().due_at == at + timedelta(seconds=600)


def test_a_mail_fails_after_the_maximum_number_of_attempts(sendgrid: SendGrid, mailing: Plan, at: datetime) -> None:
    mailing(1)
    sendgrid.next(*[500] * rules.MAX_ATTEMPTS)
    now = at

    for _ in range(rules.MAX_ATTEMPTS):
        sending.send_due(at=now)
        now += timedelta(hours=1)

    mail = Mail.objects.get()
    assert (mail.status, mail.attempts) == ("failed", rules.MAX_ATTEMPTS)
    assert "500" in mail.error
    assert sendgrid.accepted == []


def test_an_unreachable_provider_loses_no_mail(
    sendgrid: SendGrid, settings: Any, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    mailing(3)
    settings.SENDGRID_URL = "http://127.0.0.1:9"

    sending.send_due(at=at)

    assert count_by_status() == {"planned": 3}
    assert "Connection failed" in Mail.objects.first().error  # type: ignore[union-attr]


@pytest.mark.parametrize("behavior", ["hang", "reset", "swallow", "hold", 504])
def test_a_mail_without_a_response_is_unknown_and_not_resent_automatically(
    sendgrid: SendGrid, settings: Any, mailing: Plan, at: datetime, behavior: str
) -> None:
    news = mailing(3)
    settings.SENDGRID_TIMEOUT = 0.2
    sendgrid.next(behavior)

    sending.send_due(at=at)
    sending.send_due(at=at + timedelta(days=2))

    assert set(Mail.objects.values_list("status", flat=True)) == {"doubtful"}
    assert sendgrid.requests == 1
    news.refresh_from_db()
    assert news.status == "done"
    assert selectors.get_progress(key="news")["failed"] == 3


def test_unknown_mails_can_be_resent_by_a_person(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    mailing(2)
    sendgrid.next("reset")
    sending.send_due(at=at)

    count = sending.resend(mail_ids=list(Mail.objects.values_list("pk", flat=True)), at=at)

    assert count == 2
    sending.send_due(at=at)
    assert count_by_status() == {"sent": 2}
    assert sending.resend(mail_ids=list(Mail.objects.values_list("pk", flat=True)), at=at) == 0


def test_an_error_in_the_settings_fails_no_mail(
    sendgrid: SendGrid, settings: Any, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    settings.DEFAULT_FROM_EMAIL = "promotions@localhost"
    mailing(10)

    sending.send_due(at=at)

    assert count_by_status() == {"planned": 10}
    assert sendgrid.requests == 1
    assert "from.email" in Mail.objects.first().error  # type: ignore[union-attr]


def test_a_provider_that_rejects_everything_gets_a_limited_number_of_requests(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    mailing(1000)
    sendgrid.next(*[400] * 500)

    sending.send_due(at=at)

    assert sendgrid.requests <= sending.MAX_REQUESTS
    counts = count_by_status()
    assert counts.pop("failed") + counts.pop("planned") == 1000
    assert not counts


@pytest.mark.parametrize("vague", [False, True])
def test_invalid_addresses_fail_alone(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime, vague: bool
) -> None:
    sendgrid.vague = vague
    addresses = [f"shopper{n}@example.com" for n in range(100)]
    addresses[17] = "no address"
    addresses[80] = "nor@this"
    mailing(addresses=addresses)

    sending.send_due(at=at)

    assert count_by_status() == {"sent": 98, "failed": 2}
    assert len(set(sendgrid.accepted)) == len(sendgrid.accepted) == 98
    assert set(Mail.objects.filter(status="failed").values_list("address", flat=True)) == {"no address", "nor@this"}
    assert "valid address" in Mail.objects.filter(status="failed").first().error  # type: ignore[union-attr]


def test_a_rate_limit_between_the_parts_of_a_batch_loses_no_mail(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    sendgrid.vague = True
    mailing(addresses=["bad", *[f"shopper{n}@example.com" for n in range(7)]])
    sendgrid.next(202, 202, 429)

    sending.send_due(at=at)
    assert sendgrid.requests == 3
    sending.send_due(at=at + rules.retry_delay(1))

    assert count_by_status() == {"sent": 7, "failed": 1}
    assert len(set(sendgrid.accepted)) == len(sendgrid.accepted) == 7


def test_mails_of_a_lost_worker_become_unknown_after_the_lease(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    news = mailing(2)
    assert sending._claim(news, at) is not None

    sending.send_due(at=at + sending.LEASE)
    assert count_by_status() == {"sending": 2}
    sending.send_due(at=at + sending.LEASE + timedelta(seconds=1))

    assert count_by_status() == {"doubtful": 2}
    assert sendgrid.requests == 0


def test_a_slow_worker_settles_its_unknown_mails(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    news = mailing(2)
    batch = sending._claim(news, at)
    assert batch is not None
    sending.mark_abandoned_unknown(at=at + timedelta(hours=1))

    sending._send(batch, at)

    assert count_by_status() == {"sent": 2}


def test_suppressed_addresses_get_nothing(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    mailing(addresses=["All@example.com", "ours@example.com", "theirs@example.com", "Free@example.com"])
    Suppression.objects.create(address="all@example.com", reason="complaint")
    Suppression.objects.create(address="ours@example.com", sender="b1", reason="unsubscribe")
    Suppression.objects.create(address="theirs@example.com", sender="b2", reason="unsubscribe")

    sending.send_due(at=at)

    assert sorted(sendgrid.accepted) == ["Free@example.com", "theirs@example.com"]
    assert count_by_status() == {"sent": 2, "suppressed": 2}


def test_transactional_mails_skip_bounced_but_not_unsubscribed_addresses(
    sendgrid: SendGrid, mailing: Plan, at: datetime
) -> None:
    mailing(addresses=["left@example.com", "dead@example.com"], marketing=False)
    Suppression.objects.create(address="left@example.com", reason="unsubscribe")
    Suppression.objects.create(address="dead@example.com", reason="bounce")

    sending.send_due(at=at)

    assert sendgrid.accepted == ["left@example.com"]
    assert "List-Unsubscribe" not in sendgrid.mails[0].headers


def test_recipients_who_withdrew_consent_get_nothing(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    mailing(4, kind="for_even_ones")

    sending.send_due(at=at)

    assert sorted(sendgrid.accepted) == ["shopper2@example.com", "shopper4@example.com"]
    assert count_by_status() == {"sent": 2, "suppressed": 2}


def test_a_mailing_without_content_is_suppressed(
    sendgrid: SendGrid, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    news = mailing(3, kind="nothing")

    sending.send_due(at=at)

    assert sendgrid.requests == 0
    assert count_by_status() == {"suppressed": 3}
    news.refresh_from_db()
    assert news.status == "done"


def test_a_mailing_that_cannot_be_built_does_not_block_others(sendgrid: SendGrid, mailing: Plan, at: datetime) -> None:
    mailing(1, kind="broken", key="a")
    mailing(2, key="b")

    sending.send_due(at=at)

    assert len(sendgrid.accepted) == 2
    assert "LookupError" in Mail.objects.get(mailing__key="a").error
    assert Mail.objects.get(mailing__key="a").status == "planned"


def test_transactional_mails_are_sent_before_marketing(sendgrid: SendGrid, mailing: Plan, at: datetime) -> None:
    mailing(2)
    mailing(addresses=["owner@example.com"], key="digest", marketing=False)

    sending.send_due(at=at)

    assert sendgrid.accepted[0] == "owner@example.com"


def test_no_transaction_is_open_while_the_provider_is_called(
    sendgrid: SendGrid, mailing: Plan, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    mailing(1)
    worker = connections["default"]
    observed: list[tuple[bool, list[str]]] = []
    accept = sendgrid.accept

    def record_and_accept(payload: dict[str, Any], *, answered: bool) -> str:
        observed.append(
            (worker.in_atomic_block, list(Mail.objects.values_list("status", flat=True)))
        )  # through another connection
        connections.close_all()
        return accept(payload, answered=answered)

    monkeypatch.setattr(sendgrid, "accept", record_and_accept)

    sending.send_due(at=at)

    assert observed == [(False, ["sending"])]


def test_many_workers_send_each_mail_once(
    sendgrid: SendGrid,
    mailing: Plan,
    run_concurrently: Callable[..., list[Any]],
    count_by_status: CountByStatus,
    at: datetime,
) -> None:
    mailing(6000)

    run_concurrently(lambda _: sending.send_due(at=at), range(4))
    sending.send_due(at=at)

    assert count_by_status() == {"sent": 6000}
    assert len(sendgrid.accepted) == len(set(sendgrid.accepted)) == 6000


def test_without_claims_two_workers_send_each_mail_twice(
    sendgrid: SendGrid, mailing: Plan, run_concurrently: Callable[..., list[Any]], at: datetime
) -> None:
    """Send without claiming the mails, which removes the guard."""
    news = mailing(50)
    rows = list(Mail.objects.values("id", "recipient", "address", "name", "attempts"))
    batch = sending.Batch(news.pk, news, [dict(row) for row in rows])

    run_concurrently(lambda _: sending._send(batch, at), range(2))

    assert len(sendgrid.accepted) == 2 * len(set(sendgrid.accepted))


def test_other_backends_send_the_same_mails_as_single_messages(
    mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    mailing(60)

    assert sending.send_due(at=at) == 60

    assert count_by_status() == {"sent": 60}
    messages = {message.subject: message for message in django_mail.outbox}
    assert len(messages) == len(django_mail.outbox) == 60
    message = messages["News for Shopper 1"]
    assert message.from_email == "Billo <promotions@localhost>"
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Hello <b>Shopper 1</b>" in message.alternatives[0].content  # type: ignore[attr-defined]


def test_an_unreachable_smtp_server_loses_no_mail(
    settings: Any, mailing: Plan, count_by_status: CountByStatus, at: datetime
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 9, False
    mailing(2)

    sending.send_due(at=at)

    assert count_by_status() == {"planned": 2}


@pytest.mark.parametrize("statistics", [True, False])
def test_sending_from_a_large_mailing_reads_only_what_it_claims(mailing: Plan, at: datetime, statistics: bool) -> None:
    news = mailing(0, addresses=["x@example.com"])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE mail_mail SET (autovacuum_enabled = false)")
        cursor.execute(
            "INSERT INTO mail_mail (mailing_id, recipient, address, due_at) "
            "SELECT %s, n, 's' || n || '@example.com', %s FROM generate_series(2, 60000) n",
            [news.pk, at],
        )
        if statistics:
            cursor.execute("ANALYZE mail_mail")
    with CaptureQueriesContext(connection) as queries:
        assert selectors.get_next_mailing(at=at) == news
        assert sending._claim(news, at) is not None
        db.execute("mailings/sql/finish_mailings.sql", {})
    statements = [query["sql"] for query in queries if "mail_mail" in query["sql"]]

    plans = [explain(statement) for statement in statements]

    assert len(plans) == 3
    for plan in plans:
        assert "mail_due" in plan
        assert "Seq Scan on mail_mail" not in plan.replace("Seq Scan on mail_mailing", "")
    claim = plans[1].split("CTE due")[1].split("CTE checked")[0]
    assert "Sort" not in claim


def explain(statement: str) -> str:
    """Return PostgreSQL's plan of the statement."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_adding_ten_thousand_recipients_is_one_statement(mailing: Plan, at: datetime) -> None:
    news = mailing(1)
    recipients = [Recipient(n, f"r{n}@example.com", "R") for n in range(2, 10_002)]

    started = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        added = planning.add_recipients(mailing=news, recipients=recipients, at=at, cursor=10_001)

    assert added == 10_000
    assert len(queries) == 2  # the recipients and the cursor
    assert time.perf_counter() - started < 20
    news.refresh_from_db()
    assert news.plan_cursor == 10_001
