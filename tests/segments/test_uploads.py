"""Audience imports: preview, background processing, cancellation and permissions."""

import gzip
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.contracts import Role
from accounts.models import Brand, Customer
from segments import services
from segments.contracts import Source, UploadState
from segments.models import Audience, AudienceMember, AudienceUpload, UploadPart
from segments.services import staging, uploads
from tests.factories import BrandFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/segments/audienceupload/"
ADD = f"{LIST}add/"


def client_of(brand: Brand, role: Role) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def editor(brand: Brand) -> Client:
    return client_of(brand, Role.EDITOR)


def post(client: Client, of: Brand, text: bytes, name: str = "vip.csv", **fields: Any) -> Any:
    file = SimpleUploadedFile(name, text)
    defaults = {"brand": of.pk, "segment_type": "vip", "operation": "replace", "file": file}
    return client.post(ADD, defaults | fields)


def page_of(upload: AudienceUpload) -> str:
    return f"{LIST}{upload.pk}/change/"


def packed(upload: AudienceUpload) -> bytes:
    return b"".join(bytes(part.packed) for part in upload.parts.order_by("position"))


def members() -> set[str]:
    return set(AudienceMember.objects.values_list("customer__customer_id", flat=True))


@pytest.mark.parametrize(
    ("operation", "figures"), [("replace", (3, 2, 1, 5)), ("add", (3, 0, 1, 7)), ("remove", (0, 2, 1, 2))]
)
def test_the_preview_matches_the_applied_changes(
    brand: Brand, editor: Client, run_outbox: Callable[[], int], operation: str, figures: tuple[int, ...]
) -> None:
    services.apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["a", "b", "c", "d"])
    Customer.objects.bulk_create(Customer(customer_id=name) for name in ("e", "f"))
    before = members()

    response = post(editor, brand, b"customer_id\nc\nd\ne\nf\nnew\nnew\n\x07\n", operation=operation)

    upload = AudienceUpload.objects.get()
    assert response["Location"] == page_of(upload)
    assert (upload.added, upload.removed, upload.unknown, upload.size) == figures
    assert (upload.received, upload.invalid_count) == (6, 1)
    assert members() == before
    page = editor.get(page_of(upload)).content.decode()
    assert "To be added" in page
    assert "line 8" in page

    editor.post(f"{LIST}{upload.pk}/apply/")
    assert 'hx-trigger="every 2s"' in editor.get(page_of(upload)).content.decode()
    run_outbox()

    upload.refresh_from_db()
    assert (upload.state, upload.percent, upload.parts.count()) == (UploadState.APPLIED, 100, 0)
    assert (upload.added, upload.removed, upload.size) == (figures[0], figures[1], figures[3])
    assert Audience.objects.get().size == len(members()) == figures[3]
    assert editor.get(f"{LIST}{upload.pk}/progress/")["HX-Refresh"] == "true"
    assert "Added" in editor.get(page_of(upload)).content.decode()


def test_repeated_requests_apply_an_import_once(
    brand: Brand, editor: Client, run_outbox: Callable[[], int], at: datetime
) -> None:
    post(editor, brand, b"c1\n", operation="add")
    upload = AudienceUpload.objects.get()
    for _ in range(3):
        editor.post(f"{LIST}{upload.pk}/apply/")
    assert run_outbox() == 1
    services.apply_audience(brand=brand, segment_type="vip", operation="remove", customer_ids=["c1"])

    services.apply_upload(upload_id=upload.pk, at=at)
    editor.post(f"{LIST}{upload.pk}/apply/")
    run_outbox()

    assert members() == set()


def test_json_lines_are_imported(brand: Brand, editor: Client) -> None:
    post(editor, brand, b'"c1"\n{"customer_id": "c2"}\n', "vip.ndjson")

    upload = AudienceUpload.objects.get()
    assert upload.received == 2
    assert gzip.decompress(packed(upload)) == b'"c1"\n{"customer_id": "c2"}\n'


@pytest.mark.parametrize(
    ("text", "fields", "field"),
    [
        (b"\x07\n", {}, "file"),
        (b"customer_id\n", {}, "file"),
        (b"c1\n", {"segment_type": "a/b"}, "segment_type"),
        (b"c1\n", {"segment_type": "a\x00b"}, "segment_type"),
        (b"c1\n", {"operation": "destroy"}, "operation"),
        (b"c1\n", {"brand": "nosuch"}, "brand"),
        (b"c1\n", {"segment_type": "automatic"}, "segment_type"),
    ],
)
def test_errors_are_shown_at_their_fields(
    brand: Brand, editor: Client, text: bytes, fields: dict[str, Any], field: str
) -> None:
    Audience.objects.create(brand=brand, segment_type="automatic", source=Source.AUTOMATIC)

    response = post(editor, brand, text, **fields)

    assert response.status_code == 200
    assert field in response.context["form"].errors
    assert not AudienceUpload.objects.exists()


def test_a_file_over_the_size_limit_is_rejected(brand: Brand, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segments.admin.uploads.MAX_FILE_SIZE", 10)

    assert "file" in post(editor, brand, b"customer-1\ncustomer-2\n").context["form"].errors


def test_an_import_fails_if_the_audience_became_automatic(
    brand: Brand, editor: Client, run_outbox: Callable[[], int]
) -> None:
    post(editor, brand, b"c1\n")
    upload = AudienceUpload.objects.get()
    Audience.objects.create(brand=brand, segment_type="vip", source=Source.AUTOMATIC)

    editor.post(f"{LIST}{upload.pk}/apply/")
    run_outbox()

    upload.refresh_from_db()
    assert upload.state == UploadState.FAILED
    assert "This audience is automatic" in editor.get(page_of(upload)).content.decode()
    assert members() == set()


def test_a_viewer_cannot_change_imports(brand: Brand, editor: Client, run_outbox: Callable[[], int]) -> None:
    viewer = client_of(brand, Role.VIEWER)
    post(editor, brand, b"c1\n")
    upload = AudienceUpload.objects.get()

    assert viewer.get(ADD).status_code == post(viewer, brand, b"c2\n").status_code == 403
    for action in ("apply", "cancel", "discard"):
        assert viewer.post(f"{LIST}{upload.pk}/{action}/").status_code == 403
    page = viewer.get(page_of(upload)).content.decode()

    assert "To be added" in page
    assert ">Apply changes<" not in page
    assert run_outbox() == 0
    assert AudienceUpload.objects.get().state == UploadState.PREVIEW


def test_staff_of_other_brands_have_no_access(brand: Brand, editor: Client) -> None:
    other = BrandFactory(slug="cake")
    stranger = client_of(other, Role.OWNER)
    post(editor, brand, b"c1\n", name="secret-of-billo.csv")
    upload = AudienceUpload.objects.get()

    for path in (page_of(upload), f"{LIST}{upload.pk}/progress/"):
        assert stranger.get(path).status_code == 404
    for action in ("apply", "cancel", "discard"):
        assert stranger.post(f"{LIST}{upload.pk}/{action}/").status_code == 404
    assert "secret-of-billo" not in stranger.get(LIST).content.decode()
    assert "brand" in post(stranger, brand, b"c1\n").context["form"].errors
    assert AudienceUpload.objects.count() == 1


@pytest.mark.django_db(transaction=True)  # ANALYZE counts only committed rows
def test_a_file_of_many_parts_is_stored_and_applied_unchanged(
    brand: Brand, editor: Client, run_outbox: Callable[[], int], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0  # read from a file, part by part
    monkeypatch.setattr(uploads, "PART_SIZE", 1)
    text = "".join(f"{zlib.crc32(bytes([number % 256, number // 256]))}\n" for number in range(60_000)).encode()

    post(editor, brand, text)

    upload = AudienceUpload.objects.get()
    assert upload.parts.count() > 2
    assert gzip.decompress(packed(upload)) == text
    editor.post(f"{LIST}{upload.pk}/apply/")
    run_outbox()
    assert members() == set(text.decode().split())


def test_a_canceled_import_changes_nothing_and_can_be_applied_again(
    brand: Brand, editor: Client, run_outbox: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    post(editor, brand, b"c1\n")
    upload = AudienceUpload.objects.get()
    editor.post(f"{LIST}{upload.pk}/apply/")

    def cancel(on_progress: Callable[[int], None]) -> None:
        assert "Import canceled" in editor.post(f"{LIST}{upload.pk}/cancel/", follow=True).content.decode()

    with monkeypatch.context() as patched:
        patched.setattr(staging, "create_missing_customers", cancel)
        run_outbox()

    assert members() == set()
    assert AudienceUpload.objects.get().state == UploadState.PREVIEW
    editor.post(f"{LIST}{upload.pk}/apply/")
    run_outbox()
    assert members() == {"c1"}
    assert "already been applied" in editor.post(f"{LIST}{upload.pk}/cancel/", follow=True).content.decode()
    assert members() == {"c1"}


def test_a_crashed_import_changes_nothing_and_is_repeated(
    brand: Brand, editor: Client, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["old"])
    post(editor, brand, b"c1\nc2\n")
    upload = AudienceUpload.objects.get()
    editor.post(f"{LIST}{upload.pk}/apply/")

    with monkeypatch.context() as patched:
        patched.setattr(uploads, "UploadPart", None)  # crash between the update and the note that it is done
        with pytest.raises(AttributeError):
            services.apply_upload(upload_id=upload.pk, at=at)
    assert members() == {"old"}
    assert AudienceUpload.objects.get().state == UploadState.PENDING

    services.apply_upload(upload_id=upload.pk, at=at)

    assert members() == {"c1", "c2"}


def test_unapplied_imports_are_purged(brand: Brand, editor: Client, at: datetime) -> None:
    for _ in range(3):
        post(editor, brand, b"c1\n")
    discarded, old, applied = AudienceUpload.objects.all()
    editor.post(f"{LIST}{applied.pk}/apply/")
    services.apply_upload(upload_id=applied.pk, at=at)
    AudienceUpload.objects.update(created_at=at - uploads.RETENTION - timedelta(seconds=1))

    editor.post(f"{LIST}{discarded.pk}/discard/")
    editor.post(f"{LIST}{applied.pk}/discard/")
    assert set(AudienceUpload.objects.all()) == {old, applied}
    services.purge_uploads(at=at)

    assert list(AudienceUpload.objects.all()) == [applied]
    assert not UploadPart.objects.exists()


def test_the_list_takes_few_queries_and_reads_no_parts(
    brand: Brand, editor: Client, django_assert_max_num_queries: Any
) -> None:
    root = Client()
    root.force_login(UserFactory(is_superuser=True))
    for _ in range(12):
        post(editor, brand, b"c1\n")

    with django_assert_max_num_queries(12) as queries:
        assert root.get(LIST).status_code == 200

    assert not any('"packed"' in query["sql"] for query in queries.captured_queries)
