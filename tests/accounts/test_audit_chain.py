"""The chain of the audit log: each event that is changed, removed or inserted afterwards is found."""

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from accounts import services
from accounts.models import Access, AccessEvent, AuditLink, Invitation, User
from accounts.services import audit_chain
from accounts.services.audit import audit_context, record_access
from core.privacy import list_tables
from tests.factories import BrandFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db
ADDRESS = "203.0.113.7"


def link(*, minutes: int = 1) -> int:
    return services.extend_chain(at=timezone.now() + timedelta(minutes=minutes))


def differences() -> list[str]:
    return list(audit_chain.iter_differences())


def execute(statement: str, params: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


@pytest.fixture
def events() -> list[AccessEvent]:
    """Five linked events of sign-ins, with an address."""
    user = UserFactory()
    for number in range(5):
        with audit_context(address=ADDRESS):
            record_access(Access.SIGNED_IN, user=user.pk, subject=f"number {number}")
    link()
    return list(AccessEvent.objects.order_by("pgh_id"))


def name_of(event: AccessEvent) -> str:
    found = AuditLink.objects.get(source="accounts_accessevent", row=event.pk)
    return f"audit log: event {event.pk} of accounts_accessevent (link {found.pk})"


def test_all_events_are_linked_once_in_the_order_of_their_times(events: list[AccessEvent]) -> None:
    BrandFactory()

    assert (link(), link()) == (1, 0)
    rows = AuditLink.objects.filter(source="accounts_accessevent").order_by("pk").values_list("row", flat=True)
    assert list(rows) == [event.pk for event in events]
    assert list(AuditLink.objects.order_by("pk").values_list("pk", flat=True)) == list(range(1, 8))
    assert differences() == []


def test_the_newest_events_wait_until_nothing_is_added_to_their_context(events: list[AccessEvent]) -> None:
    record_access(Access.SIGNED_OUT)

    assert services.extend_chain(at=timezone.now()) == 0
    assert link() == 1


CHANGES = {
    "label": "UPDATE accounts_accessevent SET pgh_label = 'signed_out' WHERE pgh_id = %s",
    "account": "UPDATE accounts_accessevent SET pgh_obj_id = 99 WHERE pgh_id = %s",
    "subject": "UPDATE accounts_accessevent SET subject = '' WHERE pgh_id = %s",
    "time": "UPDATE accounts_accessevent SET pgh_created_at = pgh_created_at + interval '1 second' WHERE pgh_id = %s",
    "who": (
        "UPDATE pghistory_context SET metadata = metadata || '{\"user\": 7}'"
        " WHERE id = (SELECT pgh_context_id FROM accounts_accessevent WHERE pgh_id = %s)"
    ),
    "address": (
        'UPDATE pghistory_context SET metadata = metadata || \'{"address": "198.51.100.1"}\''
        " WHERE id = (SELECT pgh_context_id FROM accounts_accessevent WHERE pgh_id = %s)"
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_event_is_found(events: list[AccessEvent], what: str) -> None:
    execute(CHANGES[what], [events[2].pk])

    assert differences() == [f"{name_of(events[2])} was changed"]


def test_a_removed_event_is_found(events: list[AccessEvent]) -> None:
    expected = [f"{name_of(event)} was removed" for event in (events[1], events[4])]
    execute("DELETE FROM accounts_accessevent WHERE pgh_id = ANY(%s)", [[events[1].pk, events[4].pk]])

    assert differences() == expected


INSERT = "INSERT INTO accounts_accessevent (pgh_id, pgh_created_at, pgh_label, subject) VALUES (%s, %s, 'read', '')"


@pytest.mark.parametrize("is_linked", [False, True])
def test_an_event_that_is_inserted_into_the_past_is_found(events: list[AccessEvent], is_linked: bool) -> None:
    key = events[-1].pk + 1
    execute(INSERT, [key, timezone.now() - timedelta(hours=2)])

    if is_linked:
        link()

    (line,) = differences()
    assert line.startswith(f"audit log: event {key} of accounts_accessevent")
    assert line.endswith("was inserted later than it says")


def test_an_event_with_a_key_of_the_past_is_found(events: list[AccessEvent]) -> None:
    execute("SELECT setval('accounts_accessevent_pgh_id_seq', %s)", [events[-1].pk + 2 * audit_chain.OVERLAP])
    record_access(Access.SIGNED_OUT)
    link()
    execute(INSERT, [events[-1].pk + 1, timezone.now()])

    assert link() == 0
    assert differences() == [
        f"audit log: event {events[-1].pk + 1} of accounts_accessevent was inserted later than it says"
    ]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE accounts_auditlink SET content = 'x' WHERE id = 3", "changed"),
        ("UPDATE accounts_auditlink SET personal = 'x' WHERE id = 3", "changed"),
        ("UPDATE accounts_auditlink SET source = 'accounts_userevent' WHERE id = 3", "changed"),
        ("UPDATE accounts_auditlink SET columns = '{}' WHERE id = 3", "changed"),
        ("DELETE FROM accounts_auditlink WHERE id = 3", "removed"),
    ],
)
def test_a_changed_link_is_found_and_nothing_after_it_counts(
    events: list[AccessEvent], statement: str, what: str
) -> None:
    execute(statement)

    assert differences() == [f"audit log: link 3 was {what}, so nothing from there on is proven"]


def test_check_consistency_tells_the_first_broken_event(events: list[AccessEvent]) -> None:
    first = name_of(events[1])
    execute("UPDATE accounts_accessevent SET pgh_label = 'x' WHERE pgh_id = ANY(%s)", [[events[3].pk, events[1].pk]])
    out = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("check_consistency", "--repair", stdout=out, stderr=io.StringIO())

    lines = [line for line in out.getvalue().splitlines() if line.startswith("audit log")]
    assert (lines[0], len(lines)) == (f"{first} was changed", 2)


def test_a_new_column_of_a_table_changes_no_digest(events: list[AccessEvent]) -> None:
    execute("ALTER TABLE accounts_accessevent ADD COLUMN more text NOT NULL DEFAULT 'x'")

    assert differences() == []


def test_the_history_of_every_tracked_model_is_covered() -> None:
    sources = {source.table for source in audit_chain.list_sources()}

    assert {"accounts_userevent", "accounts_apikeyevent", "accounts_membershipevent", "accounts_brandevent"} <= sources
    assert {"accounts_accessevent", "promotions_promotionevent", "redemptions_codebatchevent"} <= sources
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.columns WHERE column_name = 'pgh_id' ORDER BY 1")
        stored = {name for (name,) in cursor.fetchall()}
    assert sources == stored


# --- concurrency ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_after_newer_ones_is_linked() -> None:
    has_written, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            record_access(Access.SIGNED_OUT, subject="late")
            has_written.set()
            may_commit.wait(30)
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    assert has_written.wait(30)
    record_access(Access.SIGNED_OUT, subject="early")
    assert link() == 1
    may_commit.set()
    thread.join()

    assert link() == 1
    rows = AuditLink.objects.order_by("pk").values_list("row", flat=True)
    subjects = AccessEvent.objects.in_bulk(list(rows))
    assert [subjects[row].subject for row in rows] == ["early", "late"]
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_several_workers_link_each_event_once(
    monkeypatch: pytest.MonkeyPatch, run_concurrently: Callable[..., list[Any]]
) -> None:
    monkeypatch.setattr(audit_chain, "BATCH", 7)
    for _ in range(50):
        record_access(Access.SIGNED_OUT)

    results = run_concurrently(lambda _: link(), range(4))

    assert all(isinstance(result, int) for result in results), results
    link()
    assert AuditLink.objects.count() == 50
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_workers_link_the_same_events(
    monkeypatch: pytest.MonkeyPatch, run_concurrently: Callable[..., list[Any]]
) -> None:
    """Prove that the test above can fail: both read the events before one of them links them."""
    have_read, iter_unlinked = threading.Barrier(2), audit_chain._iter_unlinked

    def read_at_once(at: datetime) -> Iterator[Any]:
        found = list(iter_unlinked(at))
        if found:
            have_read.wait(30)
        return iter(found)

    monkeypatch.setattr(audit_chain, "_LOCK", "SELECT true")
    monkeypatch.setattr(audit_chain, "_iter_unlinked", read_at_once)
    record_access(Access.SIGNED_OUT)

    results = run_concurrently(lambda _: link(), range(2))

    assert [type(result) for result in results if result != 1] == [IntegrityError]


# --- erasures ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_an_erasure_breaks_no_link_and_what_it_leaves_stays_covered(at: datetime) -> None:
    gone: User = ShopperFactory(username="gone", email="gone@example.com")
    expires_at = timezone.now() + timedelta(days=7)
    Invitation.objects.create(brand=BrandFactory(), email="gone@example.com", role="viewer", expires_at=expires_at)
    with audit_context(address=ADDRESS):
        record_access(Access.SIGNED_IN, user=gone.pk)
    link()
    gone.username = "gone-too"
    gone.save()
    link()

    services.request_erasure(customer_id=gone.customer.customer_id, at=at)
    while services.run_erasures():
        pass

    assert differences() == []
    table = gone.events.model._meta.db_table  # type: ignore[attr-defined]
    links = AuditLink.objects.filter(source=table)
    assert links.filter(salt=None).exists()
    assert not gone.events.filter(email="gone@example.com").exists()  # type: ignore[attr-defined]
    execute(f"UPDATE {table} SET is_active = NOT is_active WHERE pgh_obj_id = %s", [gone.pk])
    assert len(differences()) == links.count()


def test_what_an_erasure_changes_is_personal() -> None:
    """The columns that ``emptied`` and kept keys of registered tables change are left out of ``content``."""
    for source in audit_chain.list_sources():
        for table in list_tables():
            if table.model_class is source.model:
                names = [*table.emptied, *([table.customer] if table.has_kept_key else [])]
                columns = {source.model._meta.get_field(name).column for name in names}  # type: ignore[union-attr]
                assert columns <= set(source.personal)
