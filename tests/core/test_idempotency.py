"""The same request with the same Idempotency-Key again gets the first answer again."""

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
from discounts.models import Usage, UsageNotification
from tests.factories import DiscountCodeFactory, ShopperFactory

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


def test_the_same_request_again_gets_the_first_answer_again_byte_for_byte(
    shopper_client: ClientOf, shopper: User
) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(shopper)

    first = use(client, "order-1", amount="100.00")
    again = use(client, "order-1", amount="100.00")

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert (first.headers.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert Usage.objects.count() == UsageNotification.objects.count() == 1


def test_members_of_the_body_may_come_in_another_order(shopper_client: ClientOf, shopper: User) -> None:
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


def test_without_a_key_nothing_is_remembered(shopper_client: ClientOf, shopper: User) -> None:
    DiscountCodeFactory(text="TEN")
    client = shopper_client(shopper)

    assert use(client, None).status_code == 201
    assert use(client, None).json()["code"] == "code_already_used"
    assert not IdempotencyKey.objects.exists()


def test_another_body_under_the_same_key_is_refused(shopper_client: ClientOf, shopper: User) -> None:
    DiscountCodeFactory(text="TEN")
    DiscountCodeFactory(text="TWENTY")
    client = shopper_client(shopper)
    use(client, "order-1")

    response = use(client, "order-1", code="TWENTY")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert response["Content-Type"] == "application/problem+json"
    assert Usage.objects.count() == 1


def test_keys_of_other_callers_and_other_endpoints_are_other_keys(shopper_client: ClientOf, shopper: User) -> None:
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
def test_a_key_that_is_none_is_refused(shopper_client: ClientOf, shopper: User, key: str) -> None:
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


def test_a_refusal_is_remembered_although_the_reason_is_gone(shopper_client: ClientOf, shopper: User) -> None:
    client = shopper_client(shopper)
    first = use(client, "order-1")
    DiscountCodeFactory(text="TEN")

    again = use(client, "order-1")

    assert (first.status_code, first.json()["code"]) == (404, "code_not_found")
    assert (again.status_code, again.content) == (404, first.content)
    assert again["Content-Type"] == "application/problem+json"
    assert use(client, "order-2").status_code == 201


def test_malformed_fields_are_remembered_too(shopper_client: ClientOf, shopper: User) -> None:
    client = shopper_client(shopper)

    first = use(client, "order-1", amount=12)

    assert first.status_code == 400
    assert use(client, "order-1", amount=12)["Idempotency-Replayed"] == "true"


class Door(APIView):
    """Promises a task, then does as ``then`` says."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    then: Callable[[], object]

    @idempotent
    def post(self, request: Request) -> Response:
        enqueue_on_commit("core.record_heartbeat")
        type(self).then()
        return Response({"done": True}, status=201)


def knock(then: Callable[[], object], key: str = "k") -> Any:
    door: Any = type("ThisDoor", (Door,), {"then": staticmethod(then)})
    request = APIRequestFactory().post("/door/", {}, format="json", headers={"Idempotency-Key": key})
    return door.as_view()(request)


def refuse(refusal: DomainError) -> Callable[[], object]:
    def then() -> object:
        raise refusal

    return then


@pytest.mark.parametrize("refusal", [Busy(), Throttled(3), Unavailable()], ids=lambda refusal: refusal.code)
def test_what_may_pass_is_not_remembered(refusal: DomainError) -> None:
    response = knock(refuse(refusal))

    assert response.status_code == refusal.status
    assert response["Retry-After"]
    assert not IdempotencyKey.objects.exists()
    assert not OutboxMessage.objects.exists()
    assert knock(lambda: None).status_code == 201


def test_a_defect_is_not_remembered_and_leaves_nothing() -> None:
    def stumble() -> object:
        raise ZeroDivisionError

    assert knock(stumble).status_code == 500

    assert not IdempotencyKey.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_what_a_refused_request_did_is_undone_and_the_refusal_kept() -> None:
    assert knock(refuse(NotFound())).status_code == 404

    assert not OutboxMessage.objects.exists()
    assert IdempotencyKey.objects.get().status == 404
    assert knock(lambda: None).status_code == 404


def test_a_lock_that_is_not_had_in_time_is_busy_and_not_remembered() -> None:
    def wait_in_vain() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'lock timeout' USING ERRCODE = '55P03'; END $$")

    response = knock(wait_in_vain)

    assert response.status_code == 409
    assert b'"code":"busy"' in response.content
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_when_the_connection_dies_neither_effect_nor_key_exists() -> None:
    def die() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    response = knock(die)
    connection.close()

    assert response.status_code == 503
    assert not OutboxMessage.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert knock(lambda: None).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_when_the_key_cannot_be_kept_the_use_is_not_made(
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
    assert not UsageNotification.objects.exists()
    assert use(client, "order-1").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_while_the_first_still_runs_the_second_is_told_so(run_concurrently: Callable[..., list[Any]]) -> None:
    answers: list[Any] = []

    def knock_again() -> None:
        answers.extend(run_concurrently(lambda _: knock(lambda: None), [1]))

    first = knock(knock_again)

    assert first.status_code == 201
    assert answers[0].status_code == 409
    assert b'"code":"idempotency_in_progress"' in answers[0].content
    assert answers[0]["Retry-After"] == "1"
    assert OutboxMessage.objects.count() == 1


def test_keys_are_forgotten_in_batches_after_their_retention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "BATCH", 10)
    old = timezone.now() - idempotency.RETENTION - timedelta(minutes=1)
    young = timezone.now() - idempotency.RETENTION + timedelta(minutes=1)
    keep(25, created_at=old)
    keep(5, created_at=young, start=25)

    assert idempotency.purge_expired() == 25
    assert IdempotencyKey.objects.count() == 5
    assert idempotency.purge_expired() == 0


def test_keys_live_for_24_hours_at_least() -> None:
    published = timedelta(hours=24)

    assert published <= idempotency.RETENTION


def test_nothing_is_lost_when_the_surrounding_transaction_goes_on() -> None:
    with transaction.atomic():
        assert knock(lambda: None).status_code == 201

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
