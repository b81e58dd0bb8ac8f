"""The pages of batches of codes: the same verbs as the API's, for people."""

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
from promotions import code_rules, services
from promotions.models import Code, CodeAssignment, CodeBatch, Promotion
from segments.models import Audience, AudienceMember
from tests.factories import BrandFactory, CodeFactory, CustomerFactory, MembershipFactory, PromotionFactory

pytestmark = pytest.mark.django_db

ORDER = {"count": "20", "pattern": "autumn-########", "charset": code_rules.DEFAULT_CHARSET}


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


def codes(promotion: Promotion, rest: str = "") -> str:
    return f"/admin/promotions/promotion/{promotion.pk}/codes/{rest}"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def brought(promotion: Promotion, *lines: str) -> CodeBatch:
    return services.import_codes(promotion=promotion, lines=lines).batch


# --- made and imported -----------------------------------------------------------------------------------------------
def test_a_batch_is_ordered_watched_and_there(
    owner: Client, promotion: Promotion, run_outbox: Callable[[], int]
) -> None:
    made = owner.post(codes(promotion, "make/"), ORDER)
    batch = CodeBatch.objects.get()
    waiting = text(owner.get(made["Location"]))
    moving = owner.get(codes(promotion, f"{batch.pk}/progress/"))
    run_outbox()

    assert made["Location"] == codes(promotion, f"{batch.pk}/")
    assert "0 of 20 codes made" in waiting
    assert f"{batch.pk}/progress/" in waiting
    assert "HX-Refresh" not in moving
    assert owner.get(codes(promotion, f"{batch.pk}/progress/"))["HX-Refresh"] == "true"
    done = text(owner.get(made["Location"]))
    assert f"{batch.pk}/progress/" not in done
    assert Code.objects.get(batch=batch, pk__in=Code.objects.order_by("pk")[:1]).text in done
    assert "AUTUMN-########" in text(owner.get(codes(promotion)))


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
def test_a_batch_that_makes_no_sense_is_refused_at_its_field(
    changes: dict[str, str], field: str, owner: Client, promotion: Promotion
) -> None:
    answer = owner.post(codes(promotion, "make/"), ORDER | changes)

    assert set(answer.context["make"].errors) == {field}
    assert not CodeBatch.objects.exists()


def test_how_hard_codes_are_to_guess_is_told_while_they_are_described(owner: Client, promotion: Promotion) -> None:
    def told(**changes: str) -> str:
        return text(owner.post(codes(promotion, "guess/"), ORDER | changes))

    assert "Possible codes: 852.9 billion; one guess in 42.6 billion hits." in told()
    assert "Too few: AUTUMN-###### would do." in told(pattern="AUTUMN-##", count="100")
    assert "pp-bad" in told(pattern="AUTUMN-##")
    assert "possible" not in told(pattern="!")
    assert "possible" not in told(count="x")


def test_the_brands_other_codes_of_the_pattern_count_when_guessing(owner: Client, promotion: Promotion) -> None:
    before = text(owner.post(codes(promotion, "guess/"), ORDER))
    owner.post(codes(promotion, "make/"), ORDER)

    assert text(owner.post(codes(promotion, "guess/"), ORDER)) != before


def test_a_file_is_imported_and_its_bad_lines_are_named(owner: Client, promotion: Promotion) -> None:
    CodeFactory(text="TAKEN")
    file = SimpleUploadedFile(
        "codes.csv", b"\xef\xbb\xbfcode;note\r\nOLD-1;x\r\nold-2\r\nTAKEN\r\n<b>\r\n\xff\r\nOLD-1\r\n"
    )

    page = text(owner.post(codes(promotion, "import/"), {"file": file}))

    assert "6 lines: 2 imported, 0 were here already, 4 refused." in page
    assert "This code is already taken." in page
    assert "&lt;b&gt;" in page
    assert sorted(Code.objects.filter(promotion=promotion).values_list("pk", flat=True)) == ["OLD-1", "OLD-2"]
    batch = CodeBatch.objects.get()
    again = SimpleUploadedFile("codes.csv", b"OLD-1\nOLD-3\n")
    page = text(owner.post(codes(promotion, "import/"), {"file": again, "batch": str(batch.pk)}))
    assert "2 lines: 1 imported, 1 were here already, 0 refused." in page
    assert CodeBatch.objects.count() == 1


def test_an_import_without_codes_or_of_too_much_is_refused(owner: Client, promotion: Promotion, settings: Any) -> None:
    settings.IMPORT_LIMIT = 100
    files = [b"\n\n", b"", b"A" * 101]

    for content in files:
        answer = owner.post(codes(promotion, "import/"), {"file": SimpleUploadedFile("codes.csv", content)})
        assert set(answer.context["bring"].errors) == {"file"}, content
    assert set(owner.post(codes(promotion, "import/"), {}).context["bring"].errors) == {"file"}
    assert not CodeBatch.objects.exists()


def test_codes_do_not_go_into_a_batch_made_from_a_pattern(owner: Client, promotion: Promotion) -> None:
    owner.post(codes(promotion, "make/"), ORDER)
    file = SimpleUploadedFile("codes.csv", b"OLD-1")

    answer = owner.post(codes(promotion, "import/"), {"file": file, "batch": str(CodeBatch.objects.get().pk)})

    assert set(answer.context["bring"].errors) == {"batch"}


def test_what_has_stopped_gets_no_codes(owner: Client, promotion: Promotion) -> None:
    services.end_promotion(promotion=promotion, at=timezone.now())

    assert 'action="' not in text(owner.get(codes(promotion))).split('id="content-main"')[1]
    assert owner.post(codes(promotion, "make/"), ORDER).context["make"].errors
    assert not CodeBatch.objects.exists()


# --- given out, looked through, exported -----------------------------------------------------------------------------
def test_an_audience_gets_its_codes(owner: Client, promotion: Promotion, run_outbox: Callable[[], int]) -> None:
    audience = Audience.objects.create(brand=promotion.brand, segment_type="vip_customers", size=3)
    for name in ("c1", "c2", "c3"):
        AudienceMember.objects.create(audience=audience, customer=CustomerFactory(customer_id=name))
    batch = brought(promotion, "OLD-1", "OLD-2")

    made = owner.post(codes(promotion, f"{batch.pk}/assign/"), {"audience": "vip_customers"})
    waiting = text(owner.get(made["Location"]))
    run_outbox()

    assert "vip customers" in waiting
    assert "progress/" in waiting
    done = text(owner.get(made["Location"]))
    assert "too few codes" in done
    assert "c1" in done
    assert CodeAssignment.objects.get().notify is False


def test_an_audience_of_nobody_or_of_another_brand_gets_none(owner: Client, promotion: Promotion) -> None:
    Audience.objects.create(brand=promotion.brand, segment_type="nobody")
    Audience.objects.create(brand=BrandFactory(), segment_type="theirs")
    batch = brought(promotion, "OLD-1")

    for name in ("nobody", "theirs", "x\x00", ""):
        answer = owner.post(codes(promotion, f"{batch.pk}/assign/"), {"audience": name})
        assert set(answer.context["assign"].errors) == {"audience"}, name
    assert not CodeAssignment.objects.exists()


def test_codes_are_found_by_their_beginning_or_their_customer(owner: Client, promotion: Promotion) -> None:
    batch = brought(promotion, "AB-1", "AB-2", "AC-1", "A_1", "B-1")
    brought(promotion, "AB-OTHER")
    Code.objects.filter(pk="AC-1").update(customer=CustomerFactory(customer_id="Zoe 7"))

    def found(term: str) -> list[str]:
        return [row[0] for row in owner.get(codes(promotion, f"{batch.pk}/"), {"q": term}).context["codes"]]

    assert found("") == ["AB-1", "AB-2", "AC-1", "A_1", "B-1"]
    assert found("ab") == ["AB-1", "AB-2"]
    assert found("AB-1") == ["AB-1"]
    assert found("Zoe 7") == ["AC-1"]
    for nothing in ("AB-OTHER", "zzz", "%", "é", "\x01", "-" * 90):
        assert found(nothing) == []


def test_codes_come_a_page_at_a_time(owner: Client, promotion: Promotion) -> None:
    batch = brought(promotion, *(f"P-{number:03}" for number in range(250)))
    path, seen = codes(promotion, f"{batch.pk}/"), []
    after = ""
    for _ in range(3):
        context = owner.get(path, {"after": after, "q": "P-"}).context
        seen += [row[0] for row in context["codes"]]
        after = context["more"]

    assert seen == [f"P-{number:03}" for number in range(250)]
    assert after == ""
    assert owner.get(path, {"after": "\ud7ff\x01", "q": "P"}).status_code == 200


def test_a_batch_is_exported(owner: Client, promotion: Promotion) -> None:
    batch = brought(promotion, "OLD-1")
    answer: Any = owner.get(codes(promotion, f"{batch.pk}/codes.csv"))

    assert answer.streaming
    assert b"".join(answer.streaming_content).decode("utf-8-sig").split() == ["code,customer,state", "OLD-1,,free"]


def test_pages_ask_as_often_for_many_as_for_few(owner: Client, promotion: Promotion) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            text(owner.get(path))
        return len(seen)

    batch = brought(promotion, "OLD-1")
    pages = [codes(promotion), codes(promotion, f"{batch.pk}/")]
    few = [queries(page) for page in pages]
    for number in range(5):
        brought(promotion, f"NEW-{number}")
        CodeAssignment.objects.create(batch=batch, segment_type="x", finished_at=timezone.now() - timedelta(days=1))

    assert [queries(page) for page in pages] == few


# --- whose -----------------------------------------------------------------------------------------------------------
def test_codes_are_the_brands_own_and_viewers_only_read(promotion: Promotion, brand: Brand) -> None:
    batch = brought(promotion, "SECRET-1")
    viewer, stranger = as_staff(brand, Role.VIEWER), as_staff(BrandFactory(slug="cake"))
    reads = ["", f"{batch.pk}/", f"{batch.pk}/progress/", f"{batch.pk}/codes.csv"]
    writes = ["guess/", "make/", "import/", f"{batch.pk}/assign/"]

    for rest in reads:
        assert viewer.get(codes(promotion, rest)).status_code == 200, rest
        assert stranger.get(codes(promotion, rest)).status_code == 404, rest
    for rest in writes:
        assert viewer.post(codes(promotion, rest), ORDER).status_code == 403, rest
        assert stranger.post(codes(promotion, rest), ORDER).status_code == 404, rest
        assert viewer.get(codes(promotion, rest)).status_code == 405, rest
    assert '<form method="post"' not in text(viewer.get(codes(promotion))).split('id="content-main"')[1]
    assert CodeBatch.objects.count() == 1


def test_a_batch_is_found_below_its_own_promotion_only(owner: Client, promotion: Promotion, brand: Brand) -> None:
    batch = brought(promotion, "OLD-1")
    other = PromotionFactory(brand=brand, trigger="code")
    plain = PromotionFactory(brand=brand)

    assert owner.get(codes(other, f"{batch.pk}/")).status_code == 404
    assert owner.get(codes(plain)).status_code == 404
