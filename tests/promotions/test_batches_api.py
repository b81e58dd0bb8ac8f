"""API of code batches."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, Customer, User
from promotions.models import Promotion
from redemptions.codes import services
from redemptions.codes.models import Code, CodeBatch
from redemptions.codes.selectors.codes import get_generic_codes
from segments.services import apply_audience
from tests.code_batches import create_batch
from tests.factories import (
    BrandFactory,
    CodeFactory,
    CustomerFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
)

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
PATTERN = "SUMMER-########"
WEAK = "?allow_weak=true"


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def promotion(billo: Brand) -> Promotion:
    promotion: Promotion = PromotionFactory(brand=billo, trigger="code")
    return promotion


@pytest.fixture
def server(brand_client: ClientOf, billo: Brand) -> Client:
    return brand_client(billo)


@pytest.fixture
def batch(promotion: Promotion) -> CodeBatch:
    """A generated batch of five codes."""
    batch = create_batch(promotion, count=5, pattern=PATTERN)
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    return batch


def batches_url(promotion: Promotion) -> str:
    return f"/api/v1/promotions/{promotion.pk}/batches/"


def post(client: Client, path: str, body: object, **headers: str) -> Any:
    return client.post(path, body, content_type="application/json", headers=headers)


def send(client: Client, promotion: Promotion, csv: str | bytes, query: str = "") -> Any:
    return client.post(f"{batches_url(promotion)}import/{query}", csv, content_type="text/csv")


def rows(response: Any) -> list[str]:
    text: str = b"".join(response.streaming_content).decode()
    return text.splitlines()


def problem(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


# --- creation ---------------------------------------------------------------------------------------------------------
def test_a_batch_is_created_and_its_progress_is_read(
    server: Client, promotion: Promotion, run_outbox: Callable[[], int]
) -> None:
    response = post(server, batches_url(promotion), {"count": 3000, "pattern": "summer-########"})

    assert response.status_code == 202
    created = response.json()
    assert created.pop("created_at").endswith("Z")
    assert created == {
        "job": f"http://testserver{batches_url(promotion)}{created['id']}/", "id": created["id"],
        "offer": str(promotion.pk), "pattern": PATTERN, "charset": "23456789ABCDEFGHJKMNPQRSTUVWXYZ",
        "entropy_bits": 39.6, "balance": None, "count": 3000, "generated_count": 0, "status": "running",
        "finished_at": None, "revoked_at": None, "revoked_count": 0, "revocation_finished_at": None,
    }  # fmt: skip
    run_outbox()
    read = server.get(created["job"]).json()
    assert (read["generated_count"], read["status"]) == (3000, "completed")
    assert read["finished_at"].endswith("Z")
    assert [row["id"] for row in server.get(batches_url(promotion)).json()["results"]] == [created["id"]]
    assert get_generic_codes(offers=[promotion.pk]) == {}


def test_a_repeated_request_with_one_key_creates_one_batch(server: Client, promotion: Promotion) -> None:
    first, second = (
        post(server, batches_url(promotion), {"count": 3, "pattern": PATTERN}, **{"Idempotency-Key": "1"})
        for _ in range(2)
    )

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert CodeBatch.objects.count() == 1


def test_a_weak_pattern_is_rejected_with_the_minimum_pattern(server: Client, promotion: Promotion) -> None:
    response = post(server, batches_url(promotion), {"count": 1_000_000, "pattern": "SUMMER-######"})

    assert problem(response) == (400, "pattern_too_weak")
    assert response.json()["bits"] == 29.7
    assert response.json()["minimum_pattern"] == PATTERN
    assert post(server, batches_url(promotion), {"count": 1_000_000, "pattern": PATTERN}).status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "count"),
        ({"count": 0}, "count"),
        ({"count": 5_000_001}, "count"),
        ({"count": "5"}, "count"),
        ({"count": 5, "pattern": 7}, "pattern"),
        ({"count": 5, "pattern": "SUMMER %"}, "pattern"),
        ({"count": 5, "charset": "A"}, "charset"),
    ],
)
def test_an_invalid_batch_is_rejected_with_its_field(
    body: object, field: str, server: Client, promotion: Promotion
) -> None:
    response = post(server, batches_url(promotion), body)

    assert problem(response) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not CodeBatch.objects.exists()


def test_an_ended_promotion_gets_no_batch(server: Client, promotion: Promotion) -> None:
    Promotion.objects.update(decision="ended")

    assert problem(post(server, batches_url(promotion), {"count": 5})) == (409, "invalid_status")


# --- export and import ------------------------------------------------------------------------------------------------
def test_the_export_has_the_customer_and_the_status_of_each_code(
    server: Client, promotion: Promotion, batch: CodeBatch
) -> None:
    first, second, third, *_ = Code.objects.filter(batch=batch).order_by("text")
    Code.objects.filter(pk=first.pk).update(customer=CustomerFactory(customer_id="=cmd()"))
    order = {
        "currency": "EUR", "customer_id": "c9",
        "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00", "brand": "billo"}],
    }  # fmt: skip
    redemptions = "/api/v1/checkout/redemptions/"
    post(server, redemptions, order | {"order": "1", "codes": [second.text.lower()]})
    reserved = post(server, redemptions, order | {"order": "2", "codes": [third.text.lower()]})
    post(server, f"{redemptions}{reserved.json()['id']}/confirm/", {})

    response = server.get(f"{batches_url(promotion)}{batch.pk}/codes.csv", headers={"Accept": "text/csv"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    lines = rows(response)
    assert lines[0] == "code,customer_id,expires_at,status"
    assert lines[1:4] == [f"{first.text},'=cmd(),,available", f"{second.text},,,reserved", f"{third.text},,,used"]
    assert [line.split(",")[1:] for line in lines[4:]] == [["", "", "available"]] * 2


def test_an_export_is_recorded_and_not_for_viewers(
    server: Client, shopper_client: Callable[..., Client], billo: Brand, promotion: Promotion, batch: CodeBatch
) -> None:
    path = f"{batches_url(promotion)}{batch.pk}/codes.csv"
    exports = CodeBatch.pgh_event_models["exported"].objects  # type: ignore[attr-defined]

    assert shopper_client(MembershipFactory(brand=billo, role=Role.VIEWER).user).get(path).status_code == 403
    assert not exports.exists()
    server.get(path)

    assert [(export.pgh_label, export.brand) for export in exports.all()] == [("exported", billo)]


def test_an_export_is_read_in_pages(
    server: Client, promotion: Promotion, batch: CodeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redemptions.codes.selectors.batches.PAGE_SIZE", 2)
    response = server.get(f"{batches_url(promotion)}{batch.pk}/codes.csv")

    with CaptureQueriesContext(connection) as captured:
        lines = rows(response)

    assert len(lines) == 6
    assert lines[1:] == sorted(lines[1:])
    assert len(captured) == 1 + 6  # whether the codes keep balances, then codes and their statuses, three pages


def test_a_file_is_imported_and_rejected_lines_are_reported(server: Client, promotion: Promotion) -> None:
    CodeFactory(text="TAKEN", brand=promotion.brand)

    response = send(server, promotion, "code\r\nown-1\r\nnot a code\r\nOWN-1\r\ntaken\r\nown-2", WEAK)

    assert response.status_code == 201
    answer = response.json()
    counts = ("received", "imported", "existing", "rejected", "generated_count", "status")
    assert {name: answer[name] for name in counts} == {
        "received": 5, "imported": 2, "existing": 0, "rejected": 3, "generated_count": 2, "status": "completed",
    }  # fmt: skip
    assert [(error["line"], error["code"]) for error in answer["errors"]] == [
        (3, "invalid"), (4, "unique"), (5, "code_taken"),
    ]  # fmt: skip
    again = send(server, promotion, "code\nown-1\nown-2\nown-3", f"{WEAK}&batch={answer['id']}").json()
    assert (again["id"], again["imported"], again["existing"], again["generated_count"]) == (answer["id"], 1, 2, 3)


def test_only_the_column_of_codes_becomes_codes(server: Client, promotion: Promotion) -> None:
    response = send(server, promotion, "firstname,code\nAnnabel,KX7P2M1\nBertrand,KX7P2M2\n")

    assert problem(response) == (400, "invalid")
    assert "firstname" in response.json()["errors"][0]["detail"]
    assert not Code.objects.exists()
    response = send(server, promotion, "customer_id,code\nAnnabel,KX7P2M1\nBertrand,KX7P2M2\n")
    assert (response.status_code, response.json()["imported"]) == (201, 2)
    assert set(Code.objects.values_list("text", flat=True)) == {"KX7P2M1", "KX7P2M2"}
    weak = send(server, promotion, "code\nABC-1\n").json()
    assert (weak["imported"], [error["code"] for error in weak["errors"]]) == (0, ["weak"])


def test_an_export_can_be_imported_elsewhere(server: Client, promotion: Promotion, batch: CodeBatch) -> None:
    exported = rows(server.get(f"{batches_url(promotion)}{batch.pk}/codes.csv"))
    Code.objects.all().delete()

    assert problem(send(server, promotion, "\n".join(exported))) == (400, "invalid")  # statuses are not imported
    answer = send(server, promotion, "\n".join(line.rpartition(",")[0] for line in exported)).json()

    assert (answer["imported"], answer["rejected"]) == (5, 0)


def test_a_large_import_is_streamed_and_limited(server: Client, promotion: Promotion, settings: Any) -> None:
    lines = "code\n" + "".join(f"IMPORTED-CODE-NUMBER-{number:08d}\n" for number in range(40_000))
    assert len(lines) > settings.BODY_LIMIT

    assert send(server, promotion, lines, WEAK).json()["imported"] == 40_000
    settings.IMPORT_LIMIT = 100
    assert problem(send(server, promotion, lines)) == (413, "payload_too_large")
    assert problem(post(server, batches_url(promotion), {"count": 1, "pattern": "#" * 1_100_000})) == (
        413,
        "payload_too_large",
    )


@pytest.mark.parametrize(
    ("csv", "status"),
    [
        (b"", 400),
        (b"code\n\n\n", 400),
        (b"\xff\xfe\x00\n", 400),
        (b"code\n\xff\xfe\x00\n", 201),
        (b"customer_id,code\n\x81,OWN-1\n", 201),
        (b'"' * 5_000, 400),
        (b"A" * 300_000 + b"\nOWN-1\n", 400),
        (b"code\n" + b"A" * 300_000 + b"\nOWN-1\n", 201),
        (b"code\n" + b'"' * 5_000, 201),
        (b"code\n=1+1,2\n", 201),
    ],
)
def test_invalid_files_cause_no_server_error(csv: bytes, status: int, server: Client, promotion: Promotion) -> None:
    response = send(server, promotion, csv, WEAK)

    assert response.status_code == status, response.content
    assert set(Code.objects.values_list("text", flat=True)) <= {"OWN-1"}


@pytest.mark.parametrize("chunk", [1, 2, 7, 1_000])
def test_lines_are_found_across_chunks(
    chunk: int, server: Client, promotion: Promotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redemptions.codes.files.CHUNK_BYTES", chunk)

    answer = send(server, promotion, "code\nOWN-1\r\n\nOWN-2\n?\nOWN-3", WEAK).json()

    assert (answer["received"], answer["imported"]) == (5, 3)
    assert [error["line"] for error in answer["errors"]] == [3, 5]


def test_an_import_requires_csv_and_an_imported_target_batch(
    server: Client, promotion: Promotion, batch: CodeBatch
) -> None:
    assert problem(post(server, f"{batches_url(promotion)}import/", {"codes": []})) == (415, "unsupported_media_type")
    assert problem(send(server, promotion, "code\nOWN-1", f"?batch={batch.pk}")) == (400, "invalid")
    assert problem(send(server, promotion, "code\nOWN-1", "?batch=7")) == (400, "invalid")
    assert problem(send(server, promotion, "code\nOWN-1", f"?batch={uuid.uuid4()}")) == (404, "not_found")
    assert not Code.objects.filter(text="OWN-1").exists()


# --- assignment -------------------------------------------------------------------------------------------------------
def test_assigned_codes_can_only_be_redeemed_by_their_customers(
    server: Client, promotion: Promotion, batch: CodeBatch
) -> None:
    path = f"{batches_url(promotion)}{batch.pk}/assign/"

    response = post(server, path, {"customer_ids": ["c1", "c2"], "notify": True})

    assert response.json() == {"assigned": 2, "already_assigned": 0, "mailed": 0}
    code = Code.objects.get(customer__customer_id="c1").text
    order = {
        "currency": "EUR", "codes": [code], "order": "1",
        "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00", "brand": "billo"}],
    }  # fmt: skip
    redemptions = "/api/v1/checkout/redemptions/"
    assert problem(post(server, redemptions, order | {"customer_id": "c2"}))[1] == "code_not_found"
    redemption = post(server, redemptions, order | {"customer_id": "c1"})
    assert redemption.json()["quote"]["discount_total"] == "1.00"
    assert problem(post(server, redemptions, order | {"customer_id": "c1", "order": "2"}))[1] == "code_already_used"


def test_a_cart_uses_one_of_two_codes_of_a_promotion(server: Client, promotion: Promotion, batch: CodeBatch) -> None:
    first, second = Code.objects.filter(batch=batch).order_by("text").values_list("text", flat=True)[:2]
    order = {
        "currency": "EUR", "codes": [first, second], "order": "1", "customer_id": "c1",
        "lines": [{"id": "a", "sku": "shoe", "quantity": 1, "unit_price": "10.00", "brand": "billo"}],
    }  # fmt: skip
    path = "/api/v1/checkout/redemptions/"

    rejected = post(server, path, order)
    partial = post(server, path, order | {"on_reject": "skip"}).json()["quote"]

    assert problem(rejected) == (409, "not_combinable")
    assert [offer["code"] for offer in partial["applied"]] == [first]
    reasons = [(code["code"], code["reason"]["with"], code["reason"]["reason"]) for code in partial["rejected"]]
    assert reasons == [(second, [first], "same_offer")]
    other = post(server, path, order | {"codes": [second], "order": "2"})
    assert other.json()["quote"]["discount_total"] == "1.00"


def test_codes_are_assigned_to_an_audience_by_a_job(
    server: Client, promotion: Promotion, batch: CodeBatch, run_outbox: Callable[[], int]
) -> None:
    path = f"{batches_url(promotion)}{batch.pk}/assign/"
    assert problem(post(server, path, {"audience": "vip"})) == (409, "audience_empty")
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=["c1", "c2"])

    response = post(server, path, {"audience": "vip"})
    run_outbox()

    assert response.status_code == 202
    assert (response.json()["status"], response.json()["assigned"]) == ("running", 0)
    done = server.get(response.json()["job"]).json()
    assert (done["status"], done["assigned"], done["already_assigned"], done["exhausted"]) == ("completed", 2, 0, False)


def test_too_few_codes_and_an_unfinished_batch_are_rejected(
    server: Client, promotion: Promotion, batch: CodeBatch
) -> None:
    body = {"customer_ids": [f"c{number}" for number in range(6)]}
    unfinished_batch = create_batch(promotion, count=10, pattern=PATTERN)

    exhausted = post(server, f"{batches_url(promotion)}{batch.pk}/assign/", body)
    unfinished = post(server, f"{batches_url(promotion)}{unfinished_batch.pk}/assign/", body)

    assert problem(exhausted) == (409, "codes_exhausted")
    assert problem(unfinished) == (409, "batch_not_ready")
    assert (unfinished.json()["generated_count"], unfinished.json()["count"]) == (0, 10)
    assert not Code.objects.filter(customer__isnull=False).exists()
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "customer_ids"),
        ({"customer_ids": ["c1"], "audience": "vip"}, "customer_ids"),
        ({"customer_ids": []}, "customer_ids"),
        ({"customer_ids": [""]}, "customer_ids.0"),
        ({"customer_ids": [1]}, "customer_ids.0"),
        ({"customer_ids": ["a\nb"]}, "customer_ids.0"),
        ({"customer_ids": ["x" * 101]}, "customer_ids.0"),
        ({"customer_ids": ["c1"], "notify": "yes"}, "notify"),
        ({"customer_ids": [str(number) for number in range(10_001)]}, "customer_ids"),
    ],
)
def test_an_invalid_assignment_is_rejected_with_its_field(
    body: object, field: str, server: Client, promotion: Promotion, batch: CodeBatch
) -> None:
    response = post(server, f"{batches_url(promotion)}{batch.pk}/assign/", body)

    assert problem(response) == (400, "invalid")
    assert [error["field"] for error in response.json()["errors"]] == [field]


# --- permissions ------------------------------------------------------------------------------------------------------
def request_all(client: Client, promotion: object, batch: object, assignment: object) -> Iterator[Any]:
    """Yield the response of each endpoint of a batch."""
    url = f"/api/v1/promotions/{promotion}/batches/"
    yield client.get(url)
    yield client.get(f"{url}{batch}/")
    yield client.get(f"{url}{batch}/codes.csv")
    yield client.get(f"{url}{batch}/assignments/{assignment}/")
    yield post(client, url, {"count": 1})
    yield post(client, f"{url}{batch}/assign/", {"customer_ids": ["c1"]})
    yield client.post(f"{url}import/{WEAK}", "code\nOWN-1", content_type="text/csv")


def test_only_staff_of_the_brand_reach_a_batch(
    shopper_client: ClientOf, brand_client: ClientOf, promotion: Promotion, batch: CodeBatch
) -> None:
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=["c1"])
    assignment = services.assign_to_audience(batch=batch, segment_type="vip", notify=False, at=timezone.now()).pk
    viewer: User = MembershipFactory(brand=promotion.brand, role=Role.VIEWER).user
    other = brand_client(BrandFactory())

    for client, status in ((other, 404), (shopper_client(ShopperFactory()), 403), (Client(), 401)):
        for response in request_all(client, promotion.pk, batch.pk, assignment):
            assert response.status_code == status, response.content
    statuses = [
        response.status_code for response in request_all(shopper_client(viewer), promotion.pk, batch.pk, assignment)
    ]
    assert statuses == [200, 200, 403, 200, 403, 403, 403]  # a viewer exports no codes
    absent = [response.content for response in request_all(other, uuid.uuid4(), batch.pk, assignment)]
    assert [response.content for response in request_all(other, promotion.pk, batch.pk, assignment)] == absent

    assert CodeBatch.objects.count() == 1
    assert not Code.objects.filter(customer__isnull=False).exists()


def test_a_batch_of_another_promotion_is_not_found(
    server: Client, billo: Brand, promotion: Promotion, batch: CodeBatch
) -> None:
    sibling = PromotionFactory(brand=billo, trigger="code")

    statuses = [response.status_code for response in request_all(server, sibling.pk, batch.pk, uuid.uuid4())]

    assert statuses == [200, 404, 404, 404, 201, 404, 201]
    assert server.get(f"{batches_url(promotion)}{batch.pk}/assignments/{uuid.uuid4()}/").status_code == 404
