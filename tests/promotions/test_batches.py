"""Batches of single-use codes: generation, import, assignment and emails."""

import contextlib
import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Brand, Customer, CustomerProfile
from core.errors import InvalidRequest
from core.models import OutboxMessage
from mailings.models import Mail
from mailings.services import sending
from promotions.models import Promotion
from redemptions.codes import emails, files, services
from redemptions.codes import rules as code_rules
from redemptions.codes.models import Code, CodeBatch
from redemptions.codes.services import batches
from redemptions.errors import BatchNotReady, CodesExhausted, InvalidStatus, PatternTooWeak
from segments.errors import AudienceEmpty
from segments.services import apply_audience
from tests.code_batches import create_batch, import_codes
from tests.factories import BrandFactory, CodeFactory, PromotionFactory, ShopperFactory

pytestmark = pytest.mark.django_db
SUMMER = "SUMMER-########"
RunOutbox = Callable[[], int]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo")
    return brand


@pytest.fixture
def promotion(billo: Brand) -> Promotion:
    promotion: Promotion = PromotionFactory(brand=billo, trigger="code", name="Summer <sale>")
    return promotion


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", 100)


def generated_batch(promotion: Promotion, count: int, pattern: str = SUMMER) -> CodeBatch:
    """Create a batch and generate its codes."""
    batch = create_batch(promotion, count=count, pattern=pattern)
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    return batch


def assigned_customers(batch: CodeBatch) -> dict[str, str]:
    """Return the customer IDs of the assigned codes, by code."""
    return dict(Code.objects.filter(batch=batch, customer__isnull=False).values_list("text", "customer__customer_id"))


# --- strength of patterns ---------------------------------------------------------------------------------------------
def test_the_default_pattern_has_64_bits_and_no_look_alike_characters() -> None:
    assert not set(code_rules.DEFAULT_CHARSET) & set("01OIL")
    assert code_rules.is_charset(code_rules.DEFAULT_CHARSET)
    assert code_rules.entropy_bits(code_rules.DEFAULT_PATTERN, code_rules.DEFAULT_CHARSET) > 64
    assert not code_rules.is_too_weak(
        code_rules.DEFAULT_PATTERN, code_rules.DEFAULT_CHARSET, count=batches.MAX_BATCH_SIZE
    )


@pytest.mark.parametrize(
    ("pattern", "charset", "count", "minimum"),
    [
        ("SUMMER-####", code_rules.DEFAULT_CHARSET, 1, "SUMMER-######"),
        ("SUMMER-######", code_rules.DEFAULT_CHARSET, 8_876, "SUMMER-#######"),
        ("SUMMER-######", code_rules.DEFAULT_CHARSET, 8_875, None),
        ("SUMMER-########", code_rules.DEFAULT_CHARSET, 1_000_000, None),
        ("SUMMER-#########", "0123456789", 10_000, None),
        ("SUMMER-#########", "0123456789", 10_001, "SUMMER-##########"),
        ("SUMMER", code_rules.DEFAULT_CHARSET, 1, "SUMMER######"),
        ("##-#####-" + "X" * 20, "AB", 1, "##-#####-" + "X" * 20 + "#" * 21),
    ],
)
def test_a_pattern_has_100_000_combinations_per_code_and_28_bits(
    pattern: str, charset: str, count: int, minimum: str | None, promotion: Promotion
) -> None:
    assert code_rules.is_too_weak(pattern, charset, count=count) == (minimum is not None)
    if minimum is None:
        assert create_batch(promotion, count=count, pattern=pattern, charset=charset).count == count
        return
    with pytest.raises(PatternTooWeak) as raised:
        create_batch(promotion, count=count, pattern=pattern, charset=charset)

    assert raised.value.extensions["minimum_pattern"] == minimum
    assert not CodeBatch.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_there_is_no_minimum_pattern_beyond_the_length_of_a_code() -> None:
    assert code_rules.minimum_pattern("X" * 60 + "#", code_rules.DEFAULT_CHARSET, count=1) is None


def test_the_codes_of_all_batches_of_a_pattern_count(promotion: Promotion) -> None:
    create_batch(promotion, count=8_000, pattern="SUMMER-######")

    with pytest.raises(PatternTooWeak):
        create_batch(promotion, count=1_000, pattern=" summer-######")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"count": 0}, "count"),
        ({"count": 5_000_001}, "count"),
        ({"count": 1, "pattern": "##"}, "pattern"),
        ({"count": 1, "pattern": "#" * 65}, "pattern"),
        ({"count": 1, "pattern": "SUMMER %s ########"}, "pattern"),
        ({"count": 1, "charset": "A"}, "charset"),
        ({"count": 1, "charset": "AAB"}, "charset"),
        ({"count": 1, "charset": "ABC-"}, "charset"),
    ],
)
def test_an_invalid_batch_is_rejected_with_its_field(fields: dict[str, Any], field: str, promotion: Promotion) -> None:
    with pytest.raises(InvalidRequest) as raised:
        create_batch(promotion, **fields)

    assert [error["field"] for error in raised.value.errors or []] == [field]


def test_automatic_and_ended_promotions_have_no_batches(billo: Brand) -> None:
    with pytest.raises(InvalidRequest):
        create_batch(PromotionFactory(brand=billo), count=1)
    with pytest.raises(InvalidStatus):
        create_batch(PromotionFactory(brand=billo, trigger="code", decision="ended"), count=1)

    assert not CodeBatch.objects.exists()


# --- random codes -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pattern", ["AB-##-CD-####", "########", "#-#-#"])
def test_generated_codes_are_unique_sorted_and_match_the_pattern(pattern: str) -> None:
    codes = code_rules.generate_codes(pattern, "ABC234", count=200)

    assert len(set(codes)) == 200
    assert codes == sorted(codes)
    assert all(re.fullmatch(pattern.replace("#", "[ABC234]"), text) for text in codes)


def test_all_combinations_of_a_pattern_can_be_generated() -> None:
    assert code_rules.generate_codes("A##", "12", count=4) == ["A11", "A12", "A21", "A22"]


@pytest.mark.parametrize("charset", [code_rules.DEFAULT_CHARSET, "AB", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
def test_every_character_has_the_same_probability(charset: str) -> None:
    counts = Counter("".join(code_rules.generate_codes("#" * 20, charset, count=20_000)))

    expected = 400_000 / len(charset)
    chi_squared = sum((counts[character] - expected) ** 2 / expected for character in charset)
    assert counts.keys() == set(charset)
    assert chi_squared < len(charset) + 6 * (2 * len(charset)) ** 0.5  # six standard deviations


# --- generation -------------------------------------------------------------------------------------------------------
def test_a_batch_is_generated_in_the_background(
    promotion: Promotion, run_outbox: RunOutbox, small_chunks: None
) -> None:
    batch = create_batch(promotion, count=250, pattern="summer-########")
    assert (batch.generated_count, batch.is_generated) == (0, False)

    assert run_outbox() == 1

    batch.refresh_from_db()
    assert (batch.generated_count, batch.is_generated) == (250, True)
    assert batch.finished_at is not None
    codes = list(Code.objects.filter(batch=batch))
    assert len(codes) == 250
    assert {(code.kind, code.brand_id, code.offer, code.single_use, code.customer_id) for code in codes} == {
        ("promotion", promotion.brand_id, promotion.pk, True, None)
    }
    assert all(code.canonical == code.text.replace("-", "") for code in codes)
    assert all(re.fullmatch(rf"SUMMER-[{code_rules.DEFAULT_CHARSET}]{{8}}", code.text) for code in codes)
    assert list(batches.check_consistency(at=timezone.now(), repair=False)) == []


def test_a_task_without_time_left_enqueues_the_next(promotion: Promotion, small_chunks: None) -> None:
    batch = create_batch(promotion, count=250, pattern=SUMMER)
    OutboxMessage.objects.all().delete()

    services.generate_codes(batch_id=batch.pk, time_budget=0.0)

    batch.refresh_from_db()
    assert batch.generated_count == 100
    assert OutboxMessage.objects.get().kwargs == {"batch_id": str(batch.pk)}
    services.generate_codes(batch_id=batch.pk)
    services.generate_codes(batch_id=batch.pk)
    assert Code.objects.filter(batch=batch).count() == 250


def test_existing_codes_are_replaced_by_others(promotion: Promotion, monkeypatch: pytest.MonkeyPatch) -> None:
    other = CodeFactory(text="SUMMER-22222222", brand=promotion.brand)
    draws = iter([["SUMMER-22222222", "SUMMER-33333333"], ["SUMMER-44444444"]])
    monkeypatch.setattr(code_rules, "generate_codes", lambda *_, **__: next(draws))

    batch = generated_batch(promotion, 2)

    assert set(Code.objects.filter(batch=batch).values_list("text", flat=True)) == {
        "SUMMER-33333333",
        "SUMMER-44444444",
    }
    other.refresh_from_db()
    assert other.kind == "discount_code"


def test_a_chunk_is_rolled_back_if_the_worker_dies(
    promotion: Promotion, monkeypatch: pytest.MonkeyPatch, small_chunks: None
) -> None:
    batch = create_batch(promotion, count=250, pattern=SUMMER)
    services.generate_codes(batch_id=batch.pk, time_budget=0.0)
    add = batches._add

    def die(*args: Any) -> int:
        add(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(batches, "_add", die)
    with pytest.raises(KeyboardInterrupt):
        services.generate_codes(batch_id=batch.pk)

    batch.refresh_from_db()
    assert batch.generated_count == Code.objects.filter(batch=batch).count() == 100
    monkeypatch.undo()
    services.generate_codes(batch_id=batch.pk)
    assert Code.objects.filter(batch=batch).count() == 250


def test_the_command_generates_a_batch_and_resumes_one(
    promotion: Promotion, capsys: pytest.CaptureFixture[str], small_chunks: None
) -> None:
    call_command("generate_codes", offer=promotion.pk, count=250, pattern=SUMMER)
    output = capsys.readouterr()
    batch = CodeBatch.objects.get()
    assert output.out.strip() == str(batch.pk)
    assert "250 of 250" in output.err

    interrupted = create_batch(promotion, count=150, pattern=SUMMER)
    services.generate_codes(batch_id=interrupted.pk, time_budget=0.0)
    call_command("generate_codes", offer=promotion.pk, resume=interrupted.pk)
    assert Code.objects.filter(batch=interrupted).count() == 150
    with pytest.raises(CommandError, match="Use at least SUMMER-######"):
        call_command("generate_codes", offer=promotion.pk, count=10, pattern="SUMMER-#")
    with pytest.raises(CommandError, match="either"):
        call_command("generate_codes", offer=promotion.pk)


def test_an_interrupted_command_says_how_to_resume(promotion: Promotion, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "generate_chunk", interrupt)

    with pytest.raises(CommandError, match="--resume"):
        call_command("generate_codes", offer=promotion.pk, count=10)
    assert OutboxMessage.objects.get().task == "redemptions.generate_codes"


# --- import -----------------------------------------------------------------------------------------------------------
def test_codes_are_imported_and_rejected_lines_are_reported(promotion: Promotion) -> None:
    CodeFactory(text="TAK-EN", brand=promotion.brand)
    CodeFactory(text="OWN-1")
    lines = [
        "\ufeff Customer_ID ;Code\r\n",
        ";own-1\n",
        'c2;"OWN-2"\r\n',
        "\n",
        ";no code\n",
        "c3;o-wn1;\n",
        ";TAKEN\n",
        ";'-OWN-3\n",
        '"c4;OWN-4\n',
        "c5;OWN-5;more\n",
        "c2;OWN-6\n",
        f"{'c' * 300};OWN-7",
    ]

    result = import_codes(promotion, lines)

    assert (result.received, result.imported, result.existing, result.rejected) == (11, 3, 0, 8)
    assert sorted((error["line"], error["code"]) for error in result.errors) == [
        (4, "blank"), (5, "invalid"), (6, "unique"), (7, "code_taken"), (9, "invalid"), (10, "invalid"), (11, "unique"),
        (12, "invalid"),
    ]  # fmt: skip
    assert assigned_customers(result.batch) == {"OWN-2": "c2"}
    assert set(Code.objects.filter(batch=result.batch, single_use=True).values_list("text", flat=True)) == {
        "OWN-1", "OWN-2", "-OWN-3",
    }  # fmt: skip
    assert (result.batch.generated_count, result.batch.count, result.batch.is_generated) == (3, 3, True)


def test_an_interrupted_import_is_resumed_by_repeating_it(
    promotion: Promotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "IMPORT_CHUNK", 10)

    def interrupted_lines() -> Any:
        yield from ("code", *(f"OWN-{number}" for number in range(25)))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        import_codes(promotion, interrupted_lines())
    batch = CodeBatch.objects.get()
    assert batch.generated_count == Code.objects.filter(batch=batch).count() == 20

    result = import_codes(promotion, ["code", *(f"OWN-{n}" for n in range(30))], batch=batch)

    assert (result.imported, result.existing, result.rejected) == (10, 20, 0)
    assert CodeBatch.objects.get().generated_count == 30


@pytest.mark.parametrize(
    ("first_line", "detail"),
    [
        ("firstname,code", "Unknown columns: firstname."),
        ("code\tnote", "Unknown columns: note."),
        ("KX7P2M1", "Unknown columns: kx7p2m1."),
        ("customer_id", "one of them must be: code"),
        ("code;Code", "Repeated columns: code."),
        ('"code', "one of them must be: code"),
    ],
)
def test_other_columns_never_become_codes(first_line: str, detail: str, promotion: Promotion) -> None:
    with pytest.raises(InvalidRequest) as raised:
        import_codes(promotion, [first_line, "Annabel,KX7P2M1", "Bertrand,KX7P2M2"])

    assert raised.value.errors is not None
    assert detail in raised.value.errors[0]["detail"]
    assert not CodeBatch.objects.exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'code,customer_id\nKX7P2M1,"Doe, Jane"\n', "doe, jane"),
        ("\ufeffcustomer_id\tcode\nZo\u00eb\tKX7P2M1".encode(), "zo\u00eb"),
        ("customer_id;code\r\nZo\u00eb;KX7P2M1".encode("cp1252"), "zo\u00eb"),
    ],
)
def test_delimiters_quotes_and_encodings_are_recognized(content: bytes, expected: str, promotion: Promotion) -> None:
    result = import_codes(promotion, files.iter_lines(BytesIO(content).read), allow_weak=False)

    assert assigned_customers(result.batch) == {"KX7P2M1": expected}


def test_weak_codes_are_only_imported_on_request(promotion: Promotion) -> None:
    codes = ["KX7P2M1", "12345678", "SUMMER", *(f"VOUCHER-IN-SERIES-{number:04}" for number in range(25))]

    result = import_codes(promotion, ["code", *codes], allow_weak=False)

    assert [error["code"] for error in result.errors] == ["weak"] * 26
    assert set(Code.objects.filter(batch=result.batch).values_list("text", flat=True)) == {"KX7P2M1", "SUMMER"}
    assert import_codes(promotion, ["code", *codes], batch=result.batch).imported == 26


def test_random_codes_of_a_strong_pattern_are_imported(promotion: Promotion) -> None:
    pattern, charset = "SUMMER-########", code_rules.DEFAULT_CHARSET
    codes = code_rules.generate_codes(pattern, charset, count=500)

    assert import_codes(promotion, ["code", *codes], allow_weak=False).imported == 500


def test_each_empty_line_is_listed_with_its_number(promotion: Promotion) -> None:
    result = import_codes(promotion, ["code,customer_id\n", "OWN-1,c1\n", " , \n", "\n", "OWN-2\n", "\r\n"])

    assert (result.received, result.imported, result.rejected) == (5, 2, 3)
    assert [(error["line"], error["code"]) for error in result.errors] == [(3, "blank"), (4, "blank"), (6, "blank")]


def test_an_empty_import_and_a_generated_target_batch_are_rejected(promotion: Promotion) -> None:
    with pytest.raises(InvalidRequest):
        import_codes(promotion, ["code\n", "\n"])
    assert not CodeBatch.objects.exists()
    with pytest.raises(InvalidRequest):
        import_codes(promotion, ["code", "OWN-1"], batch=generated_batch(promotion, 1))

    assert not Code.objects.filter(text="OWN-1").exists()


def test_the_first_thousand_errors_are_listed_and_all_are_counted(promotion: Promotion) -> None:
    result = import_codes(promotion, ["code", *["!"] * 1_500])

    assert (result.rejected, len(result.errors)) == (1_500, 1_000)


# --- assignment -------------------------------------------------------------------------------------------------------
def test_each_customer_gets_one_code_of_a_batch(promotion: Promotion, at: datetime) -> None:
    batch = generated_batch(promotion, 10)

    first = services.assign_to_customers(batch=batch, customer_ids=["c1", "c2", "c1"], notify=False, at=at)
    before = assigned_customers(batch)
    second = services.assign_to_customers(batch=batch, customer_ids=["c2", "c3"], notify=False, at=at)

    assert (first.assigned, first.already_assigned, second.assigned, second.already_assigned) == (2, 0, 1, 1)
    assert sorted(before.values()) == ["c1", "c2"]
    assert before.items() <= assigned_customers(batch).items()
    assert sorted(assigned_customers(batch).values()) == ["c1", "c2", "c3"]
    assert not Mail.objects.exists()


def test_codes_are_assigned_to_all_customers_or_none(promotion: Promotion, at: datetime) -> None:
    batch = generated_batch(promotion, 2)

    with pytest.raises(CodesExhausted):
        services.assign_to_customers(batch=batch, customer_ids=["c1", "c2", "c3"], notify=True, at=at)

    assert assigned_customers(batch) == {}
    assert not Customer.objects.exists()


def test_codes_of_an_unfinished_batch_are_not_assigned(promotion: Promotion, at: datetime) -> None:
    batch = create_batch(promotion, count=10, pattern=SUMMER)

    with pytest.raises(BatchNotReady) as raised:
        services.assign_to_customers(batch=batch, customer_ids=["c1"], notify=False, at=at)

    assert raised.value.extensions == {"generated_count": 0, "count": 10}
    with pytest.raises(BatchNotReady):
        services.assign_to_audience(batch=batch, segment_type="vip", notify=False, at=at)


def test_codes_are_assigned_to_an_audience_in_the_background(
    promotion: Promotion, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redemptions.codes.services.assignments.CHUNK", 10)
    batch = generated_batch(promotion, 40)
    with pytest.raises(AudienceEmpty):
        services.assign_to_audience(batch=batch, segment_type="vip", notify=False, at=at)
    names = [f"c{number}" for number in range(25)]
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=names)
    services.assign_to_customers(batch=batch, customer_ids=["c3"], notify=False, at=at)
    assignment = services.assign_to_audience(batch=batch, segment_type="vip", notify=False, at=at)
    OutboxMessage.objects.all().delete()

    services.continue_assignment(assignment_id=assignment.pk, at=at, time_budget=0.0)
    assert OutboxMessage.objects.get().kwargs == {"assignment_id": str(assignment.pk)}
    assert len(assigned_customers(batch)) in {10, 11}
    for _ in range(2):
        services.continue_assignment(assignment_id=assignment.pk, at=at)

    assignment.refresh_from_db()
    assert (assignment.assigned_count, assignment.already_assigned_count, assignment.exhausted) == (24, 1, False)
    assert assignment.finished_at is not None
    assert sorted(assigned_customers(batch).values()) == sorted(names)


def test_an_assignment_ends_when_the_batch_has_no_codes_left(promotion: Promotion, at: datetime) -> None:
    batch = generated_batch(promotion, 3)
    names = [f"c{number}" for number in range(5)]
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=names)

    assignment = services.assign_to_audience(batch=batch, segment_type="vip", notify=False, at=at)
    services.continue_assignment(assignment_id=assignment.pk, at=at)

    assignment.refresh_from_db()
    assert (assignment.assigned_count, assignment.exhausted) == (3, True)
    assert assignment.finished_at is not None
    assert len(assigned_customers(batch)) == 3


# --- emails -----------------------------------------------------------------------------------------------------------
def shopper(consent: bool = True) -> Any:
    return ShopperFactory(consents=consent)


def test_each_subscriber_is_emailed_their_own_code_once(promotion: Promotion, at: datetime) -> None:
    batch = generated_batch(promotion, 10)
    ann, bob, eve = shopper(), shopper(), shopper(consent=False)
    everyone = [user.customer.customer_id for user in (ann, bob, eve)]

    first = services.assign_to_customers(batch=batch, customer_ids=[*everyone, "no user"], notify=True, at=at)
    again = services.assign_to_customers(batch=batch, customer_ids=everyone, notify=True, at=at)
    sending.send_due(at=at)

    assert (first.assigned, first.mailed, again.already_assigned, again.mailed) == (4, 2, 3, 0)
    assert {message.to[0].split("<")[-1].strip(">") for message in mail.outbox} == {ann.email, bob.email}
    codes = {customer: code for code, customer in assigned_customers(batch).items()}
    for message in mail.outbox:
        (user,) = [user for user in (ann, bob) if user.email in message.to[0]]
        code = codes[user.customer.customer_id]
        html = str(message.alternatives[0][0])  # type: ignore[union-attr]
        assert code in message.body
        assert code in html
        assert not (set(codes.values()) - {code}) & set(re.findall(r"SUMMER-\w{8}", message.body + html))
        assert "Summer <sale>" in message.subject
        assert "Summer &lt;sale&gt;" in html
        assert "List-Unsubscribe" in message.extra_headers


def test_a_code_that_was_assigned_without_an_email_is_emailed_later(promotion: Promotion, at: datetime) -> None:
    batch, ann = generated_batch(promotion, 1), shopper()
    name = ann.customer.customer_id
    services.assign_to_customers(batch=batch, customer_ids=[name], notify=False, at=at)

    result = services.assign_to_customers(batch=batch, customer_ids=[name], notify=True, at=at)

    assert (result.assigned, result.already_assigned, result.mailed) == (0, 1, 1)
    assert Mail.objects.get().personal_text == Code.objects.get(batch=batch).text


def test_a_customer_who_unsubscribed_before_sending_gets_no_email(promotion: Promotion, at: datetime) -> None:
    batch, ann = generated_batch(promotion, 1), shopper()
    services.assign_to_customers(batch=batch, customer_ids=[ann.customer.customer_id], notify=True, at=at)
    CustomerProfile.objects.filter(customer=ann.customer).update(marketing_consent=False)

    sending.send_due(at=at)

    assert mail.outbox == []
    assert Mail.objects.get().status == "suppressed"


def test_no_email_is_built_for_an_ended_promotion(promotion: Promotion, at: datetime) -> None:
    data = {"kind": "promotion", "offer": str(promotion.pk)}
    assert emails.build_code(key="", data={"promotion": str(promotion.pk)}, at=at) is not None
    assert emails.build_code(key="", data=data, at=at) is not None
    assert emails.build_code(key="", data=data, at=promotion.end_date) is None
    early = emails.build_code(key="", data=data, at=promotion.start_date - timedelta(days=1))
    assert early is not None
    assert "1 Jan 2026" in early.text
    Promotion.objects.update(decision="ended")

    assert emails.build_code(key="", data=data, at=at) is None


def test_an_assignment_to_an_audience_sends_emails(promotion: Promotion, at: datetime) -> None:
    batch, ann = generated_batch(promotion, 5), shopper()
    apply_audience(
        brand=promotion.brand, segment_type="vip", operation="add", customer_ids=[ann.customer.customer_id, "other"]
    )

    assignment = services.assign_to_audience(batch=batch, segment_type="vip", notify=True, at=timezone.now())
    services.continue_assignment(assignment_id=assignment.pk, at=at)

    assert Mail.objects.get().recipient == ann.customer.pk


def test_random_assignments_never_assign_a_code_twice(promotion: Promotion, at: datetime) -> None:
    batch, rng = generated_batch(promotion, 30), random.Random(7)
    for _ in range(30):
        names = [f"c{rng.randrange(40)}" for _ in range(rng.randrange(1, 5))]
        with contextlib.suppress(CodesExhausted):
            services.assign_to_customers(batch=batch, customer_ids=names, notify=False, at=at)

    customers = assigned_customers(batch)
    assert len(customers) == len(set(customers.values())) <= 30
