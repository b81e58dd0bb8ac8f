"""A repeated request with the same Idempotency-Key gets the first response."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.models import User
from core import idempotency
from core.errors import Busy, DomainError, NotFound, Throttled, Unavailable
from core.idempotency import idempotent
from core.models import IdempotencyKey, OutboxMessage
from core.outbox import enqueue_on_commit
from discounts.models import Usage
from tests.factories import DiscountCodeFactory, ShopperFactory
from tests.redemptions.events import count_confirmed

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
USES = "/api/v1/discountcodeusage/"


@pytest.fixture
def shopper() -> User:
    user: User = ShopperFactory()
    return user


def use(client: Client, key: str | None, code: str = "TEN", **body: object) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(USES, {"discount_code": code, **body}, content_type="application/json", headers=headers)


def test_a_repeated_request_gets_the_first_response_byte_for_byte(shopper_client: ClientOf, shopper: User) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(shopper)

    first = use(client, "order-1", amount="100.00")
    again = use(client, "order-1", amount="100.00")

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert (first.headers.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert Usage.objects.count() == count_confirmed() == 1


def test_the_order_of_json_members_does_not_matter(shopper_client: ClientOf, shopper: User) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(shopper)
    first = use(client, "order-1", amount="1.00", currency="EUR")

    again = client.post(
        USES,
        '{"currency": "EUR",  "amount": "1.00", "discount_code": "TEN"}',
        content_type="application/json",
        headers={"Idempotency-Key": "order-1"},
    )

    assert again.content == first.content


def test_without_a_key_no_response_is_stored(shopper_client: ClientOf, shopper: User) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(shopper)

    assert use(client, None).status_code == 201
    assert use(client, None).json()["code"] == "code_already_used"
    assert not IdempotencyKey.objects.exists()


def test_another_body_with_the_same_key_is_rejected(shopper_client: ClientOf, shopper: User) -> None:
    DiscountCodeFactory(text="TEN")
    DiscountCodeFactory(text="TWENTY")
    client = shopper_client(shopper)
    use(client, "order-1")

    response = use(client, "order-1", code="TWENTY")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert response["Content-Type"] == "application/problem+json"
    assert Usage.objects.count() == 1


def test_keys_are_separate_per_caller_and_endpoint(shopper_client: ClientOf, shopper: User) -> None:
    DiscountCodeFactory(text="TEN")
    other: User = ShopperFactory()
    use(shopper_client(shopper), "order-1")

    assert use(shopper_client(other), "order-1").json()["user"] == str(other.uuid)
    elsewhere = shopper_client(shopper).post(
        "/api/v1/checkout/redemptions/",
        {"order": "1", "currency": "EUR", "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "9.00"}]},
        content_type="application/json",
        headers={"Idempotency-Key": "order-1"},
    )
    assert elsewhere.status_code == 201
    assert IdempotencyKey.objects.count() == 3


@pytest.mark.parametrize("key", ["", " ", "a\tb", "caf\xe9", "x" * 256, "\x7f", "a\nb"], ids=repr)
def test_an_invalid_key_is_rejected(shopper_client: ClientOf, shopper: User, key: str) -> None:
    DiscountCodeFactory(text="TEN")

    response = use(shopper_client(shopper), key)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not Usage.objects.exists()


@pytest.mark.parametrize("key", ["x", "x" * 255, "!~", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "two words"])
def test_any_printable_ascii_is_a_key(shopper_client: ClientOf, shopper: User, key: str) -> None:
    DiscountCodeFactory(text="TEN")

    assert use(shopper_client(shopper), key).status_code == 201
    assert use(shopper_client(shopper), key)["Idempotency-Replayed"] == "true"


def test_the_response_of_an_error_is_stored(shopper_client: ClientOf, shopper: User) -> None:
    client = shopper_client(shopper)
    first = use(client, "order-1")
    DiscountCodeFactory(text="TEN")

    again = use(client, "order-1")

    assert (first.status_code, first.json()["code"]) == (404, "code_not_found")
    assert (again.status_code, again.content) == (404, first.content)
    assert again["Content-Type"] == "application/problem+json"
    assert use(client, "order-2").status_code == 201


def test_the_response_of_invalid_fields_is_stored(shopper_client: ClientOf, shopper: User) -> None:
    client = shopper_client(shopper)

    first = use(client, "order-1", amount=12)

    assert first.status_code == 400
    assert use(client, "order-1", amount=12)["Idempotency-Replayed"] == "true"


class EnqueueView(APIView):
    """A view that enqueues a task and then calls ``then``."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    then: Callable[[], object]

    @idempotent
    def post(self, request: Request) -> Response:
        enqueue_on_commit("core.record_heartbeat")
        type(self).then()
        return Response({"done": True}, status=201)


def call_view(then: Callable[[], object], key: str = "k") -> Any:
    view: Any = type("TestView", (EnqueueView,), {"then": staticmethod(then)})
    request = APIRequestFactory().post("/enqueue/", {}, format="json", headers={"Idempotency-Key": key})
    return view.as_view()(request)


def raise_error(error: DomainError) -> Callable[[], object]:
    def then() -> object:
        raise error

    return then


@pytest.mark.parametrize("error", [Busy(), Throttled(3), Unavailable()], ids=lambda error: error.code)
def test_temporary_errors_are_not_stored(error: DomainError) -> None:
    response = call_view(raise_error(error))

    assert response.status_code == error.status
    assert response["Retry-After"]
    assert not IdempotencyKey.objects.exists()
    assert not OutboxMessage.objects.exists()
    assert call_view(lambda: None).status_code == 201


def test_a_server_error_is_not_stored_and_has_no_effect() -> None:
    def fail() -> object:
        raise ZeroDivisionError

    assert call_view(fail).status_code == 500

    assert not IdempotencyKey.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_effects_of_a_rejected_request_are_rolled_back_and_its_response_stored() -> None:
    assert call_view(raise_error(NotFound())).status_code == 404

    assert not OutboxMessage.objects.exists()
    assert IdempotencyKey.objects.get().status == 404
    assert call_view(lambda: None).status_code == 404


def test_a_lock_timeout_is_busy_and_not_stored() -> None:
    def wait_in_vain() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'lock timeout' USING ERRCODE = '55P03'; END $$")

    response = call_view(wait_in_vain)

    assert response.status_code == 409
    assert b'"code":"busy"' in response.content
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_leaves_neither_effect_nor_key() -> None:
    def die() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    response = call_view(die)
    connection.close()

    assert response.status_code == 503
    assert not OutboxMessage.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert call_view(lambda: None).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_an_unstorable_key_rolls_back_the_effect(
    shopper_client: ClientOf, shopper: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(shopper)
    client.raise_request_exception = False

    def away(*args: object) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(IdempotencyKey.objects, "bulk_create", away)
        assert use(client, "order-1").status_code == 503

    assert not Usage.objects.exists()
    assert count_confirmed() == 0
    assert use(client, "order-1").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_concurrent_request_with_the_same_key_is_in_progress(run_concurrently: Callable[..., list[Any]]) -> None:
    answers: list[Any] = []

    def knock_again() -> None:
        answers.extend(run_concurrently(lambda _: call_view(lambda: None), [1]))

    first = call_view(knock_again)

    assert first.status_code == 201
    assert answers[0].status_code == 409
    assert b'"code":"idempotency_in_progress"' in answers[0].content
    assert answers[0]["Retry-After"] == "1"
    assert OutboxMessage.objects.count() == 1


def test_keys_are_purged_in_batches_after_their_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "BATCH", 10)
    old = timezone.now() - idempotency.RETENTION - timedelta(minutes=1)
    young = timezone.now() - idempotency.RETENTION + timedelta(minutes=1)
    keep(25, created_at=old)
    keep(5, created_at=young, start=25)

    assert idempotency.purge_expired() == 25
    assert IdempotencyKey.objects.count() == 5
    assert idempotency.purge_expired() == 0


def test_keys_are_kept_for_at_least_24_hours() -> None:
    published = timedelta(hours=24)

    assert published <= idempotency.RETENTION


def test_the_surrounding_transaction_can_continue() -> None:
    with transaction.atomic():
        assert call_view(lambda: None).status_code == 201

    assert OutboxMessage.objects.count() == IdempotencyKey.objects.count() == 1


def keep(count: int, *, start: int = 0, **fields: object) -> None:
    IdempotencyKey.objects.bulk_create(
        [
            IdempotencyKey(
                digest=bytes([number]),
                fingerprint=b"",
                status=200,
                content_type="application/json",
                body=b"{}",
                **fields,
            )
            for number in range(start, start + count)
        ]
    )
