"""Admin pages of code batches."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from promotions import services as promotion_services
from promotions.models import Promotion
from redemptions.codes import rules as code_rules
from redemptions.codes.models import Code, CodeAssignment, CodeBatch
from redemptions.lifecycle import Action
from segments.models import Audience, AudienceMember
from tests.code_batches import import_codes
from tests.factories import BrandFactory, CodeFactory, CustomerFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db

FORM = {"count": "20", "pattern": "autumn-########", "charset": code_rules.DEFAULT_CHARSET}


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", timezone="Europe/Madrid")


@pytest.fixture
def promotion(brand: Brand) -> Promotion:
    return PromotionFactory(brand=brand, name="Autumn", trigger="code")


@pytest.fixture
def owner(brand: Brand) -> Client:
    return as_staff(brand)


def as_staff(brand: Brand, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, role=role).user)
    return client


def codes_url(promotion: Promotion, path: str = "") -> str:
    return f"/admin/promotions/promotion/{promotion.pk}/codes/{path}"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def imported_batch(promotion: Promotion, *lines: str) -> CodeBatch:
    return import_codes(promotion, ["code", *lines]).batch


# --- generate and import ----------------------------------------------------------------------------------------------
def test_a_batch_is_generated_and_its_progress_is_shown(
    owner: Client, promotion: Promotion, run_outbox: Callable[[], int]
) -> None:
    response = owner.post(codes_url(promotion, "generate/"), FORM | {"count": "2000"})
    batch = CodeBatch.objects.get()
    pending = text(owner.get(response["Location"]))
    running = owner.get(codes_url(promotion, f"{batch.pk}/progress/"))
    run_outbox()

    assert response["Location"] == codes_url(promotion, f"{batch.pk}/")
    assert "0 of 2,000 codes generated" in pending
    assert f"{batch.pk}/progress/" in pending
    assert "HX-Refresh" not in running
    assert owner.get(codes_url(promotion, f"{batch.pk}/progress/"))["HX-Refresh"] == "true"
    done = text(owner.get(response["Location"]))
    assert f"{batch.pk}/progress/" not in done
    assert Code.objects.filter(batch=batch).order_by("text")[0].text in done
    assert "AUTUMN-########" in text(owner.get(codes_url(promotion)))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"count": "0"}, "count"),
        ({"count": "5000001"}, "count"),
        ({"count": "many"}, "count"),
        ({"pattern": "AUTUMN-###"}, "pattern"),
        ({"pattern": "no pattern!"}, "pattern"),
        ({"pattern": "A\x00#"}, "pattern"),
        ({"charset": "AA"}, "charset"),
    ],
)
def test_an_invalid_batch_is_rejected_at_its_field(
    changes: dict[str, str], field: str, owner: Client, promotion: Promotion
) -> None:
    answer = owner.post(codes_url(promotion, "generate/"), FORM | changes)

    assert set(answer.context["generate_form"].errors) == {field}
    assert not CodeBatch.objects.exists()


def test_the_strength_of_a_pattern_is_shown_while_it_is_edited(owner: Client, promotion: Promotion) -> None:
    def strength(**changes: str) -> str:
        return text(owner.post(codes_url(promotion, "strength/"), FORM | changes))

    assert "852.9 billion combinations; 1 in 42.6 billion guesses hits a code." in strength()
    assert "Too short. Use at least AUTUMN-######." in strength(pattern="AUTUMN-##", count="100")
    assert "pp-bad" in strength(pattern="AUTUMN-##")
    assert "combinations" not in strength(pattern="!")
    assert "combinations" not in strength(count="x")


def test_the_codes_of_other_batches_reduce_the_strength(owner: Client, promotion: Promotion) -> None:
    before = text(owner.post(codes_url(promotion, "strength/"), FORM))
    owner.post(codes_url(promotion, "generate/"), FORM)

    assert text(owner.post(codes_url(promotion, "strength/"), FORM)) != before


def test_a_file_is_imported_and_rejected_lines_are_listed(owner: Client, promotion: Promotion) -> None:
    CodeFactory(text="TAKEN", brand=promotion.brand)
    file = SimpleUploadedFile(
        "codes.csv", b"\xef\xbb\xbfcode;customer_id\r\nOLD-1;x\r\nold-2\r\nTAKEN\r\n<b>\r\n\xff\r\nOLD-1\r\n"
    )

    page = text(owner.post(codes_url(promotion, "import/"), {"file": file, "allow_weak": "on"}))

    assert "6 lines: 2 imported, 0 already existed, 4 rejected." in page
    assert "This code already exists." in page
    assert "&lt;b&gt;" in page
    assert sorted(Code.objects.filter(offer=promotion.pk).values_list("text", flat=True)) == ["OLD-1", "OLD-2"]
    batch = CodeBatch.objects.get()
    again = SimpleUploadedFile("codes.csv", b"code\nOLD-1\nOLD-3\n")
    page = text(
        owner.post(codes_url(promotion, "import/"), {"file": again, "batch": str(batch.pk), "allow_weak": "on"})
    )
    assert "2 lines: 1 imported, 1 already existed, 0 rejected." in page
    assert CodeBatch.objects.count() == 1


def test_an_empty_and_a_too_large_file_are_rejected(owner: Client, promotion: Promotion, settings: Any) -> None:
    settings.IMPORT_LIMIT = 100
    files = [b"\n\n", b"", b"A" * 101]

    for content in files:
        answer = owner.post(codes_url(promotion, "import/"), {"file": SimpleUploadedFile("codes.csv", content)})
        assert set(answer.context["import_form"].errors) == {"file"}, content
    assert set(owner.post(codes_url(promotion, "import/"), {}).context["import_form"].errors) == {"file"}
    assert not CodeBatch.objects.exists()


def test_codes_are_not_imported_into_a_generated_batch(owner: Client, promotion: Promotion) -> None:
    owner.post(codes_url(promotion, "generate/"), FORM)
    file = SimpleUploadedFile("codes.csv", b"OLD-1")

    answer = owner.post(codes_url(promotion, "import/"), {"file": file, "batch": str(CodeBatch.objects.get().pk)})

    assert set(answer.context["import_form"].errors) == {"batch"}


def test_an_ended_promotion_gets_no_codes(owner: Client, promotion: Promotion) -> None:
    promotion_services.change_decision(promotion=promotion, action=Action.END, at=timezone.now())

    assert 'action="' not in text(owner.get(codes_url(promotion))).split('id="content-main"')[1]
    assert owner.post(codes_url(promotion, "generate/"), FORM).context["generate_form"].errors
    assert not CodeBatch.objects.exists()


# --- assign, search and export ----------------------------------------------------------------------------------------
def test_codes_are_assigned_to_an_audience(owner: Client, promotion: Promotion, run_outbox: Callable[[], int]) -> None:
    audience = Audience.objects.create(brand=promotion.brand, segment_type="vip_customers", size=3)
    for name in ("c1", "c2", "c3"):
        AudienceMember.objects.create(audience=audience, customer=CustomerFactory(customer_id=name))
    batch = imported_batch(promotion, "OLD-1", "OLD-2")

    response = owner.post(codes_url(promotion, f"{batch.pk}/assign/"), {"audience": "vip_customers"})
    pending = text(owner.get(response["Location"]))
    run_outbox()

    assert "vip customers" in pending
    assert "progress/" in pending
    done = text(owner.get(response["Location"]))
    assert "Not enough codes" in done
    assert "c1" in done
    assert CodeAssignment.objects.get().notify is False


def test_an_empty_audience_and_one_of_another_brand_are_rejected(owner: Client, promotion: Promotion) -> None:
    Audience.objects.create(brand=promotion.brand, segment_type="empty")
    Audience.objects.create(brand=BrandFactory(), segment_type="theirs")
    batch = imported_batch(promotion, "OLD-1")

    for name in ("empty", "theirs", "x\x00", ""):
        answer = owner.post(codes_url(promotion, f"{batch.pk}/assign/"), {"audience": name})
        assert set(answer.context["assign_form"].errors) == {"audience"}, name
    assert not CodeAssignment.objects.exists()


def test_codes_are_found_by_prefix_or_customer(owner: Client, promotion: Promotion) -> None:
    batch = imported_batch(promotion, "AB-1", "AB-2", "AC-1", "A_11", "B-11")
    imported_batch(promotion, "AB-OTHER")
    Code.objects.filter(text="AC-1").update(customer=CustomerFactory(customer_id="zoe 7"))

    def found(term: str) -> list[str]:
        return [row["text"] for row in owner.get(codes_url(promotion, f"{batch.pk}/"), {"q": term}).context["codes"]]

    assert found("") == ["AB-1", "AB-2", "AC-1", "A_11", "B-11"]
    assert found("ab") == ["AB-1", "AB-2"]
    assert found("AB-1") == ["AB-1"]
    assert found("Zoe 7") == ["AC-1"]
    for nothing in ("AB-OTHER", "zzz", "%", "é", "\x01", "-" * 90):
        assert found(nothing) == []


def test_codes_are_shown_in_pages(owner: Client, promotion: Promotion) -> None:
    batch = imported_batch(promotion, *(f"P-{number:03}" for number in range(250)))
    path, shown = codes_url(promotion, f"{batch.pk}/"), []
    after = ""
    for _ in range(3):
        context = owner.get(path, {"after": after, "q": "P-"}).context
        shown += [row["text"] for row in context["codes"]]
        after = context["next_after"]

    assert shown == [f"P-{number:03}" for number in range(250)]
    assert after == ""
    assert owner.get(path, {"after": "\ud7ff\x01", "q": "P"}).status_code == 200


def test_a_viewer_sees_no_code_that_can_still_be_redeemed(brand: Brand, promotion: Promotion) -> None:
    batch = imported_batch(promotion, *(f"P-{number:03}" for number in range(101)))
    Code.objects.filter(text="P-000").update(revoked_at=timezone.now())
    Code.objects.filter(text="P-001").update(customer=CustomerFactory(customer_id="c1"))
    viewer = Client()
    viewer.force_login(MembershipFactory(brand=brand, role=Role.VIEWER).user)

    def found(**query: str) -> list[str]:
        response = viewer.get(codes_url(promotion, f"{batch.pk}/"), query)
        assert response.context["next_after"] == ""
        assert text(response).count("P-1") == text(response).count("P-100")
        return [row["text"] for row in response.context["codes"]]

    assert found() == found(after="P-050") == ["P-000", *["••••••••"] * 99]
    assert found(q="P-00") == found(q="P-") == []
    assert found(q="p100") == ["P-100"]  # a customer has told it
    assert found(q="c1") == ["••••••••"]


def test_the_codes_of_an_import_are_available(owner: Client, promotion: Promotion) -> None:
    page = text(owner.get(codes_url(promotion, f"{imported_batch(promotion, 'OLD-1', 'OLD-2').pk}/")))

    assert "2 codes imported" in page
    assert page.count("Available") == 2


def test_a_batch_is_exported(owner: Client, promotion: Promotion) -> None:
    batch = imported_batch(promotion, "OLD-1")
    answer: Any = owner.get(codes_url(promotion, f"{batch.pk}/codes.csv"))

    assert answer.streaming
    assert b"".join(answer.streaming_content).decode("utf-8-sig").split() == [
        "code,customer_id,expires_at,status",
        "OLD-1,,,available",
    ]


def test_an_export_is_in_the_audit_log_and_not_for_viewers(owner: Client, brand: Brand, promotion: Promotion) -> None:
    batch = imported_batch(promotion, "OLD-1")
    page, path = codes_url(promotion, f"{batch.pk}/"), codes_url(promotion, f"{batch.pk}/codes.csv")
    viewer = as_staff(brand, Role.VIEWER)

    assert viewer.get(path).status_code == 403
    assert "codes.csv" not in text(viewer.get(page))
    assert "codes.csv" in text(owner.get(page))
    log = "/admin/log/", {"kind": "redemptions.codebatch"}
    before = text(owner.get(*log)).count("Exported")
    owner.get(path)

    assert text(owner.get(*log)).count("Exported") == before + 1


def test_the_number_of_queries_does_not_grow_with_the_rows(owner: Client, promotion: Promotion) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            text(owner.get(path))
        return len(captured)

    batch = imported_batch(promotion, "OLD-1")
    pages = [codes_url(promotion), codes_url(promotion, f"{batch.pk}/")]
    few = [queries(page) for page in pages]
    for number in range(5):
        imported_batch(promotion, f"NEW-{number}")
        CodeAssignment.objects.create(batch=batch, segment_type="x", finished_at=timezone.now() - timedelta(days=1))

    assert [queries(page) for page in pages] == few


# --- permissions ------------------------------------------------------------------------------------------------------
def test_only_staff_of_the_brand_read_and_only_editors_write(promotion: Promotion, brand: Brand) -> None:
    batch = imported_batch(promotion, "SECRET-1")
    viewer, stranger = as_staff(brand, Role.VIEWER), as_staff(BrandFactory(slug="cake"))
    reads, export = ["", f"{batch.pk}/", f"{batch.pk}/progress/"], f"{batch.pk}/codes.csv"
    writes = ["strength/", "generate/", "import/", f"{batch.pk}/assign/"]

    for path in reads:
        assert viewer.get(codes_url(promotion, path)).status_code == 200, path
        assert stranger.get(codes_url(promotion, path)).status_code == 404, path
    assert viewer.get(codes_url(promotion, export)).status_code == 403
    assert stranger.get(codes_url(promotion, export)).status_code == 404
    for path in writes:
        assert viewer.post(codes_url(promotion, path), FORM).status_code == 403, path
        assert stranger.post(codes_url(promotion, path), FORM).status_code == 404, path
        assert viewer.get(codes_url(promotion, path)).status_code == 405, path
    assert '<form method="post"' not in text(viewer.get(codes_url(promotion))).split('id="content-main"')[1]
    assert CodeBatch.objects.count() == 1


def test_a_batch_is_only_found_below_its_promotion(owner: Client, promotion: Promotion, brand: Brand) -> None:
    batch = imported_batch(promotion, "OLD-1")
    other = PromotionFactory(brand=brand, trigger="code")
    automatic = PromotionFactory(brand=brand)

    assert owner.get(codes_url(other, f"{batch.pk}/")).status_code == 404
    assert owner.get(codes_url(automatic)).status_code == 404
