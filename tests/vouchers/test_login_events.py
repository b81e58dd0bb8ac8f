"""Login events of the identity provider over HTTP and Kafka, processed in the order of their times."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Customer
from core.errors import InvalidRequest
from core.kafka import KafkaConsumer
from mailings.models import Mail
from tests.factories import ApiKeyFactory, CampaignFactory, CustomerFactory, ShopperFactory
from tests.fakes.kafka import OPTIONS, Kafka
from vouchers.contracts import LoginEvent, Result
from vouchers.management.commands.consume_login_events import Command
from vouchers.models import FirstLogin, Voucher
from vouchers.proto.login_event_pb2 import LoginEvent as Message
from vouchers.services import claim, process_events, process_messages

pytestmark = pytest.mark.django_db
PATH = "/api/internal/v1/login-events/"
ROOT = Path(__file__).resolve().parents[2]
PROTO = "vouchers/proto/login_event.proto"
THEN = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def provider() -> Client:
    """Client of the identity provider."""
    return Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"})


def event(number: int, *, late: float = 0, campaign: str | None = "spring", **fields: Any) -> LoginEvent:
    defaults = {
        "id": f"e{number}",
        "customer_id": f"c{number}",
        "at": THEN + timedelta(seconds=late),
        "campaign": campaign,
    }
    return LoginEvent(**{**defaults, **fields})


def payload(number: int, **fields: Any) -> dict[str, Any]:
    return {"event_id": f"e{number}", "customer_id": f"c{number}", "at": "2026-06-01T12:00:00Z", **fields}


def send(client: Client, body: Any, **headers: str) -> Any:
    return client.post(PATH, body, content_type="application/json", headers=headers)


def voucher_holders() -> list[str]:
    return list(Voucher.objects.order_by("campaign", "rank").values_list("customer__customer_id", flat=True))


# --- processing -------------------------------------------------------------------------------------------------------
def test_event_times_decide_who_gets_a_voucher() -> None:
    CampaignFactory(slug="spring", quota=2)

    counts = process_events(events=[event(1, late=3), event(2, late=1), event(3, late=2), event(4, late=1)])

    assert (counts[Result.GRANTED], counts[Result.FULL]) == (2, 2)
    assert voucher_holders() == ["c2", "c4"], "equal times keep the order of the request"
    logins = FirstLogin.objects.order_by("sequence").values_list("customer__customer_id", "event")
    assert list(logins) == [("c2", "e2"), ("c4", "e4"), ("c3", "e3"), ("c1", "e1")]


def test_a_later_request_comes_later_whatever_its_event_times() -> None:
    CampaignFactory(slug="spring", quota=1)
    process_events(events=[event(1, late=60)])

    counts = process_events(events=[event(2, late=0)])

    assert counts[Result.FULL] == 1
    assert voucher_holders() == ["c1"]


def test_the_order_is_kept_across_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vouchers.services.login_events.MAX_BATCH", 7)
    CampaignFactory(slug="spring", quota=40)

    process_events(events=[event(number, late=-number) for number in range(60)])

    assert voucher_holders() == [f"c{number}" for number in range(59, 19, -1)]


def test_500_events_take_one_statement() -> None:
    CampaignFactory(slug="spring", quota=100)
    events = [event(number) for number in range(1_000)]

    with CaptureQueriesContext(connection) as new:
        process_events(events=events)
    with CaptureQueriesContext(connection) as again:
        process_events(events=events)

    assert len(new) == 3 + 2  # known customers, new customers, their keys
    assert len(again) == 1 + 2


def test_repeated_events_change_nothing() -> None:
    CampaignFactory(slug="spring", quota=2)
    events = [event(number, late=number) for number in range(4)]
    process_events(events=events)
    before = list(Voucher.objects.order_by("pk").values())

    counts = process_events(events=events[::-1])

    assert counts[Result.ALREADY_CLAIMED] == 4
    assert list(Voucher.objects.order_by("pk").values()) == before
    assert FirstLogin.objects.count() == 4


def test_an_event_counts_once_even_for_another_customer() -> None:
    CampaignFactory(slug="spring", quota=9)

    counts = process_events(events=[event(1), event(1, customer_id="c2"), event(1, customer_id="c3", late=1)])
    process_events(events=[event(1, customer_id="c4")])

    assert (counts[Result.GRANTED], counts[Result.ALREADY_CLAIMED]) == (1, 2)
    assert voucher_holders() == ["c1"]
    assert FirstLogin.objects.count() == 1


def test_an_event_after_a_login_sends_no_second_email(at: datetime) -> None:
    campaign, user = CampaignFactory(slug="spring", quota=9), ShopperFactory()
    claim(campaign=campaign.slug, customer_key=user.customer.pk, at=THEN)

    counts = process_events(events=[event(1, customer_id=user.customer.customer_id)])

    assert counts[Result.ALREADY_CLAIMED] == 1
    assert (Voucher.objects.count(), Mail.objects.count()) == (1, 1)


def test_an_event_without_a_campaign_counts_in_all_active_ones() -> None:
    for slug in ("spring", "summer"):
        CampaignFactory(slug=slug)
    CampaignFactory(slug="closed", decision="ended")
    CampaignFactory(slug="later", start_date=THEN + timedelta(seconds=1))

    counts = process_events(events=[event(1, campaign=None)])

    assert counts == {Result.GRANTED: 2, Result.NOT_OPEN: 0}
    assert set(Voucher.objects.values_list("campaign__slug", flat=True)) == {"spring", "summer"}


def test_the_event_time_decides_whether_the_campaign_was_active() -> None:
    CampaignFactory(slug="spring", start_date=THEN, end_date=THEN + timedelta(hours=1))

    counts = process_events(events=[event(1, late=-1), event(2), event(3, late=3600), event(4, campaign="nosuch")])

    assert (counts[Result.GRANTED], counts[Result.NOT_OPEN]) == (1, 3)
    assert voucher_holders() == ["c2"]


def test_unknown_customers_are_created_and_inactive_users_get_nothing() -> None:
    CampaignFactory(slug="spring")
    user = ShopperFactory(is_active=False)

    counts = process_events(events=[event(1), event(2, customer_id=user.customer.customer_id)])

    assert (counts[Result.GRANTED], counts[Result.INACTIVE_USER]) == (1, 1)
    assert Customer.objects.get(customer_id="c1").user is None
    assert not Mail.objects.exists(), "the customer has no address"


# --- over HTTP --------------------------------------------------------------------------------------------------------
def test_a_request_is_answered_with_counts_by_result(provider: Client) -> None:
    CampaignFactory(slug="spring", quota=1)
    body = [
        payload(1, campaign="spring"),
        payload(2),
        payload(1),
        payload(3, campaign="nosuch"),
        payload(4, campaign=None),
    ]

    response = send(provider, body)

    assert response.status_code == 200
    assert response.json() == {
        "received": 5,
        "results": {
            "voucher_granted": 1, "already_logged_in": 1, "campaign_full": 2, "campaign_not_open": 1,
            "invalid_credentials": 0,
        },
    }  # fmt: skip


def test_ndjson_has_one_event_per_line(provider: Client) -> None:
    CampaignFactory(slug="spring", quota=9)
    lines = "\n".join(json.dumps(payload(number)) for number in range(3))

    response = provider.generic("POST", PATH, f"{lines}\n\n", "application/x-ndjson")

    assert (response.status_code, response.json()["results"]["voucher_granted"]) == (200, 3)


def test_a_request_has_at_most_10000_events(provider: Client) -> None:
    CampaignFactory(slug="spring", quota=100)

    full = send(provider, [payload(number) for number in range(10_000)])
    more = send(provider, [payload(number) for number in range(10_001)])

    assert full.json()["results"] == {
        "voucher_granted": 100, "already_logged_in": 0, "campaign_full": 9_900, "campaign_not_open": 0,
        "invalid_credentials": 0,
    }  # fmt: skip
    assert (more.status_code, more.json()["code"]) == (400, "invalid")
    assert (Voucher.objects.count(), FirstLogin.objects.count()) == (100, 10_000)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_id": ""}, "event_id"), ({"event_id": "x" * 101}, "event_id"), ({"event_id": 7}, "event_id"),
        ({"customer_id": None}, "customer_id"), ({"customer_id": "a\nb"}, "customer_id"), ({"at": None}, "at"),
        ({"customer_id": ["c1"]}, "customer_id"), ({"at": "2026-06-01T12:00:00"}, "at"), ({"at": "2026-06-01"}, "at"),
        ({"at": "2026-13-01T12:00:00Z"}, "at"), ({"at": 1}, "at"), ({"at": "0001-01-01T00:00:00+23:00"}, "at"),
        ({"at": "2999-01-01T00:00:00Z"}, "at"), ({"campaign": ""}, "campaign"), ({"campaign": "a b"}, "campaign"),
        ({"campaign": 7}, "campaign"), ({"campaign": "x" * 65}, "campaign"),
        ({"at": "2026-06-01T12:00:00+99:00"}, "at"),
    ],
)  # fmt: skip
def test_an_invalid_event_rejects_the_request(provider: Client, changes: dict[str, Any], field: str) -> None:
    CampaignFactory(slug="spring")

    response = send(provider, [payload(1), payload(2, **changes)])

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [f"1.{field}"]
    assert not FirstLogin.objects.exists()


@pytest.mark.parametrize("body", [{}, "e", 7, None, [7], [None], [[]]])
def test_a_body_that_is_not_a_list_of_events_is_rejected(provider: Client, body: Any) -> None:
    assert send(provider, json.dumps(body)).status_code == 400


def test_a_body_over_the_size_limit_is_rejected(provider: Client) -> None:
    assert provider.generic("POST", PATH, b" " * (4 * 1024 * 1024 + 1), "application/json").status_code == 413


def test_only_internal_keys_can_send_events(shopper_client: Any, brand_client: Any) -> None:
    campaign = CampaignFactory(slug="spring")

    for client in (Client(), shopper_client(ShopperFactory()), brand_client(campaign.brand)):
        assert send(client, [payload(1)]).status_code in {401, 403}
    assert not FirstLogin.objects.exists()


def test_a_repeated_idempotency_key_returns_the_same_answer(provider: Client) -> None:
    CampaignFactory(slug="spring")

    first = send(provider, [payload(1)], **{"Idempotency-Key": "1"})
    again = send(provider, [payload(1)], **{"Idempotency-Key": "1"})

    assert first.json()["results"]["voucher_granted"] == 1
    assert again.content == first.content


# --- over Kafka -------------------------------------------------------------------------------------------------------
def message(number: int, *, late: float = 0, **fields: Any) -> bytes:
    """Return an encoded valid event, with these fields replaced."""
    event = Message(**{"event_id": f"e{number}", "customer_id": f"c{number}", "campaign": "spring", **fields})
    event.at.FromDatetime(THEN + timedelta(seconds=late))
    return event.SerializeToString()


INVALID = [
    b"\xff\xff\xff", b"", Message(event_id="e", customer_id="c").SerializeToString(), message(1, event_id=""),
    message(1, customer_id=""), message(1, customer_id="a\x00"), message(1, campaign="a b"), message(1, late=10**9),
    Message(event_id="e", customer_id="c", at={"seconds": 2**60}).SerializeToString(),
]  # fmt: skip


def test_invalid_messages_are_rejected_and_valid_ones_processed() -> None:
    CampaignFactory(slug="spring", quota=1)
    values = [message(2, late=2), *INVALID, message(1, late=1)]

    errors = process_messages(values, now=THEN + timedelta(hours=1))

    assert [type(error) for error in errors] == [type(None), *[InvalidRequest] * len(INVALID), type(None)]
    assert voucher_holders() == ["c1"]


@pytest.mark.django_db(transaction=True)
def test_messages_of_a_batch_are_processed_in_the_order_of_their_times(settings: Any) -> None:
    CampaignFactory(slug="spring", quota=100)
    kafka = Kafka()
    settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_OPTIONS = kafka.address, OPTIONS
    for number in range(300):
        kafka.send(Command.topic, message(number, late=-number), key="spring")
    kafka.send(Command.topic, b"\xff", key="spring")

    consumer = KafkaConsumer(
        topic=Command.topic, group="test", handler=Command().get_handler(), max_batch=Command.max_batch, poll=1
    )
    consumer.run(until=lambda: FirstLogin.objects.count() == 300)

    assert kafka.count_committed(Command.topic, "test") == 301
    assert voucher_holders() == [f"c{number}" for number in range(299, 199, -1)]
    (dead,) = kafka.read(f"{Command.topic}-dead-letter", 1)
    assert dead.value() == b"\xff"


def test_the_generated_code_matches_the_proto_file(tmp_path: Path) -> None:
    command = ["-m", "grpc_tools.protoc", "-I", str(ROOT), f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", PROTO]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True)

    for name in ("login_event_pb2.py", "login_event_pb2.pyi"):
        assert (tmp_path / "vouchers/proto" / name).read_text() == (ROOT / "vouchers/proto" / name).read_text(), name


def test_the_command_requires_kafka_servers() -> None:
    with pytest.raises(CommandError, match="KAFKA_BOOTSTRAP_SERVERS"):
        call_command("consume_login_events")


def test_known_customers_are_not_created_again() -> None:
    CampaignFactory(slug="spring")
    known = CustomerFactory(customer_id="c1")

    process_events(events=[event(1)])

    assert list(Customer.objects.values_list("pk", flat=True)) == [known.pk]
