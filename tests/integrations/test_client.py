"""Calls to an external service: deadline, TLS verification, no redirects, and the circuit breaker."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations import checks, rules
from integrations.client import Client
from integrations.contracts import CircuitOpen, DeliveryFailed, Service
from integrations.models import CircuitState
from integrations.services import circuit_breaker
from tests.fakes.external_services import FakeServices

pytestmark = pytest.mark.django_db
ClientAt = Callable[..., Client]
ENGINE = Service.CAMPAIGN_ENGINE
PATH = "/campaigns/01890000-0000-7000-8000-000000000001"
DOCUMENT = {"version": 1, "name": "Spring", "status": "active"}


def call(client: Client) -> dict[str, Any]:
    return client.call("PUT", PATH, DOCUMENT, key="campaign:1")


def test_a_call_sends_its_document_token_and_idempotency_key(
    client_at: ClientAt, fake_service: FakeServices, at: datetime
):
    assert call(client_at(at)) == {}

    assert fake_service.campaigns == {PATH.rpartition("/")[2]: DOCUMENT}
    assert fake_service.calls == [f"PUT {PATH} campaign:1"]


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        (400, "HTTP 400: fault requested by a test"),
        (401, "HTTP 401: fault requested by a test"),
        (503, "HTTP 503: fault requested by a test"),
        ("elsewhere", "unexpected redirect"),
        ("reset", "connection closed"),
        ("swallow", "connection closed"),
        ("hang", "timed out after 0.5 seconds"),
        ("drip", "timed out after 0.5 seconds"),
    ],
)
def test_every_failure_has_a_readable_reason(
    client_at: ClientAt, fake_service: FakeServices, at: datetime, behavior: int | str, reason: str
):
    fake_service.next(behavior)
    if behavior == "drip":
        fake_service.put_campaign = lambda pk, campaign: (200, {"long": "x" * 100})  # type: ignore[method-assign]

    started = time.monotonic()
    with pytest.raises(DeliveryFailed) as caught:
        call(client_at(at))

    assert caught.value.reason == reason
    assert time.monotonic() - started < 3
    assert fake_service.calls == [f"PUT {PATH} campaign:1"]  # once, without following redirects


def test_an_unreachable_service_has_a_readable_reason(client_at: ClientAt, at: datetime):
    with pytest.raises(DeliveryFailed, match="connection failed"):
        call(client_at(at, url="http://127.0.0.1:1"))


def test_a_service_without_a_valid_certificate_is_rejected(
    client_at: ClientAt, fake_service: FakeServices, at: datetime
):
    with pytest.raises(DeliveryFailed, match="TLS verification failed"):
        call(client_at(at, url=fake_service.url.replace("http://", "https://")))

    assert fake_service.calls == []


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'"text"', b"[" * 5_000, b"\xff"])
def test_a_response_that_is_not_a_json_object_is_a_failure(body: bytes, at: datetime):
    with pytest.raises(DeliveryFailed, match="invalid JSON response"):
        rules.parse_response(200, {}, body, at)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30), ("99999", 3600), ("9" * 400, 3600), ("", 0), ("soon", 0), ("-5", 0),
        ("Wed, 17 Mar 2027 15:31:30 GMT", 90), ("Wed, 17 Mar 2027 15:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59", 3600),
    ],
)  # fmt: skip
def test_retry_after_is_parsed_as_seconds_or_date(text: str, seconds: int, at: datetime):
    assert rules.parse_retry_after(text, at) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (30_000, 900)])
def test_retry_delays_double_up_to_15_minutes(failures: int, seconds: int):
    assert rules.retry_delay(failures, 0.0) == timedelta(seconds=seconds)
    assert rules.retry_delay(failures, 1.0) == timedelta(seconds=seconds / 2)


def test_the_circuit_opens_allows_one_trial_call_and_closes_again(
    client_at: ClientAt, fake_service: FakeServices, at: datetime
):
    fake_service.next(*[503] * 6)
    for _ in range(5):
        with pytest.raises(DeliveryFailed):
            call(client_at(at))

    with pytest.raises(CircuitOpen, match="HTTP 503"):
        call(client_at(at + timedelta(seconds=28)))
    assert len(fake_service.calls) == 5

    with pytest.raises(DeliveryFailed):  # the trial call fails
        call(client_at(at + timedelta(seconds=31)))
    assert len(fake_service.calls) == 6
    with pytest.raises(CircuitOpen) as caught:  # so it opens for twice as long
        call(client_at(at + timedelta(seconds=62)))
    assert caught.value.until - at > timedelta(seconds=90)

    circuit_breaker.before_call(ENGINE, at=at + timedelta(seconds=95))  # the trial call
    with pytest.raises(CircuitOpen):  # others wait for its result
        call(client_at(at + timedelta(seconds=95)))
    circuit_breaker.on_success(ENGINE, at=at + timedelta(seconds=96))

    assert call(client_at(at + timedelta(seconds=97))) == {}
    state = CircuitState.objects.get()
    assert (state.failures, state.open_until, state.open_since, state.error) == (0, None, None, "")


def test_a_rejected_job_does_not_open_the_circuit(client_at: ClientAt, fake_service: FakeServices, at: datetime):
    fake_service.next(*[422] * 8)
    for _ in range(8):
        with pytest.raises(DeliveryFailed):
            call(client_at(at))

    assert call(client_at(at)) == {}
    assert not CircuitState.objects.exclude(failures=0).exists()


def test_the_circuit_opens_for_as_long_as_the_service_asks(
    client_at: ClientAt, fake_service: FakeServices, at: datetime
):
    fake_service.next(429)
    fake_service.retry_after = "120"

    with pytest.raises(DeliveryFailed) as caught:
        call(client_at(at))

    assert caught.value.retry_after == 120
    with pytest.raises(CircuitOpen) as opened:
        call(client_at(at + timedelta(seconds=100)))
    assert timedelta(seconds=119) < opened.value.until - at < timedelta(seconds=125)
    assert len(fake_service.calls) == 1
    assert call(client_at(at + timedelta(seconds=130))) == {}


def test_a_person_can_allow_a_trial_call_at_once(client_at: ClientAt, fake_service: FakeServices, at: datetime):
    fake_service.next(429)
    fake_service.retry_after = "600"
    with pytest.raises(DeliveryFailed):
        call(client_at(at))

    circuit_breaker.half_open(ENGINE, at=at + timedelta(seconds=5))

    assert call(client_at(at + timedelta(seconds=5))) == {}


@pytest.mark.parametrize(
    "url", ["ftp://a", "segments.example", "http://", "http://u:p@a/", "http://a/?q=1", "http://a:x/", "http://[a/"]
)
def test_an_invalid_service_url_fails_the_system_check(url: str, settings: Any):
    settings.SEGMENTATION_SERVICE_URL = url

    assert [error.id for error in checks.check_urls()] == ["outside.E001"]


def test_empty_and_valid_service_urls_pass_the_system_check(settings: Any):
    settings.SEGMENTATION_SERVICE_URL, settings.CAMPAIGN_ENGINE_URL = "", "https://engine.example:8443/api"

    assert checks.check_urls() == []


@pytest.mark.parametrize(
    ("url", "warnings"), [("http://engine.example", 1), ("https://engine.example", 0), ("http://127.0.0.1", 0)]
)
def test_a_key_over_plain_http_is_reported(url: str, warnings: int, settings: Any):
    settings.CAMPAIGN_ENGINE_URL, settings.CAMPAIGN_ENGINE_KEY = url, "secret"

    assert len(checks.check_secrets()) == warnings


def test_a_retry_after_date_without_a_time_zone_is_utc():
    assert rules.parse_retry_after("Wed, 17 Mar 2027 15:31:00", datetime(2027, 3, 17, 15, 30, tzinfo=UTC)) == 60
