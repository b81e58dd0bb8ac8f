"""Batches of unique codes: making, importing, giving them to shoppers, mailing them."""

import contextlib
import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Brand, Customer
from core.errors import InvalidRequest
from core.models import OutboxMessage
from mailings.models import Mail
from mailings.services import sending
from promotions import code_rules, emails, services
from promotions.errors import BatchNotReady, CodesExhausted, InvalidStatus, PatternTooWeak
from promotions.models import Code, CodeAssignment, CodeBatch, Promotion
from promotions.services import batches
from segments.errors import AudienceEmpty
from segments.services import apply_audience
from tests.factories import BrandFactory, CodeFactory, PromotionFactory, ShopperFactory

pytestmark = pytest.mark.django_db
SUMMER = "SUMMER-########"
Deliver = Callable[[], int]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo")
    return brand


@pytest.fixture
def promotion(billo: Brand) -> Promotion:
    made: Promotion = PromotionFactory(brand=billo, trigger="code", name="Summer <sale>")
    return made


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", 100)


def batch_of(promotion: Promotion, count: int, pattern: str = SUMMER) -> CodeBatch:
    """A batch that is made."""
    batch = services.create_batch(promotion=promotion, count=count, pattern=pattern)
    services.generate_codes(batch_id=batch.pk)
    batch.refresh_from_db()
    return batch


def owners(batch: CodeBatch) -> dict[str, str]:
    """Each code that is somebody's, and whose."""
    return dict(Code.objects.filter(batch=batch, customer__isnull=False).values_list("pk", "customer__customer_id"))


# --- the guess space --------------------------------------------------------------------------------------------------
def test_the_default_charset_has_no_look_alikes_and_the_default_pattern_64_bits() -> None:
    assert not set(code_rules.DEFAULT_CHARSET) & set("01OIL")
    assert code_rules.is_charset(code_rules.DEFAULT_CHARSET)
    assert code_rules.entropy_bits(code_rules.DEFAULT_PATTERN, code_rules.DEFAULT_CHARSET) > 64
    assert not code_rules.is_too_weak(code_rules.DEFAULT_PATTERN, code_rules.DEFAULT_CHARSET, count=batches.MAX_BATCH_SIZE)


@pytest.mark.parametrize(
    ("pattern", "charset", "count", "least"),
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
def test_a_pattern_leaves_100_000_possible_codes_for_each_and_28_bits(
    pattern: str, charset: str, count: int, least: str | None, promotion: Promotion
) -> None:
    assert code_rules.is_too_weak(pattern, charset, count=count) == (least is not None)
    if least is None:
        assert services.create_batch(promotion=promotion, count=count, pattern=pattern, charset=charset).count == count
        return
    with pytest.raises(PatternTooWeak) as refused:
        services.create_batch(promotion=promotion, count=count, pattern=pattern, charset=charset)

    assert refused.value.extensions["minimum_pattern"] == least
    assert not CodeBatch.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_what_no_code_is_long_enough_for_has_no_minimum() -> None:
    assert code_rules.minimum_pattern("X" * 60 + "#", code_rules.DEFAULT_CHARSET, count=1) is None


def test_batches_of_one_pattern_share_its_guess_space(promotion: Promotion) -> None:
    services.create_batch(promotion=promotion, count=8_000, pattern="SUMMER-######")

    with pytest.raises(PatternTooWeak):
        services.create_batch(promotion=promotion, count=1_000, pattern=" summer-######")


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
def test_a_batch_that_makes_no_sense_is_refused_by_field(
    fields: dict[str, Any], field: str, promotion: Promotion
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        services.create_batch(promotion=promotion, **fields)

    assert [error["field"] for error in refused.value.errors or []] == [field]


def test_only_a_promotion_that_codes_open_and_that_is_not_over_has_batches(billo: Brand) -> None:
    with pytest.raises(InvalidRequest):
        services.create_batch(promotion=PromotionFactory(brand=billo), count=1)
    with pytest.raises(InvalidStatus):
        services.create_batch(promotion=PromotionFactory(brand=billo, trigger="code", status="ended"), count=1)

    assert not CodeBatch.objects.exists()


# --- drawing ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pattern", ["AB-##-CD-####", "########", "#-#-#"])
def test_drawn_codes_are_different_in_order_and_of_the_pattern(pattern: str) -> None:
    drawn = code_rules.generate_codes(pattern, "ABC234", count=200)

    assert len(set(drawn)) == 200
    assert drawn == sorted(drawn)
    assert all(re.fullmatch(pattern.replace("#", "[ABC234]"), text) for text in drawn)


def test_a_draw_of_all_that_there_are_ends() -> None:
    assert code_rules.generate_codes("A##", "12", count=4) == ["A11", "A12", "A21", "A22"]


@pytest.mark.parametrize("charset", [code_rules.DEFAULT_CHARSET, "AB", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
def test_no_character_is_likelier_than_another(charset: str) -> None:
    counts = Counter("".join(code_rules.generate_codes("#" * 20, charset, count=20_000)))

    expected = 400_000 / len(charset)
    chi_squared = sum((counts[each] - expected) ** 2 / expected for each in charset)
    assert counts.keys() == set(charset)
    assert chi_squared < len(charset) + 6 * (2 * len(charset)) ** 0.5  # six standard deviations


# --- making -----------------------------------------------------------------------------------------------------------
def test_a_batch_is_made_in_the_background_to_the_last_code(
    promotion: Promotion, run_outbox: Deliver, small_chunks: None
) -> None:
    batch = services.create_batch(promotion=promotion, count=250, pattern="summer-########")
    assert (batch.generated_count, batch.is_generated) == (0, False)

    assert run_outbox() == 1

    batch.refresh_from_db()
    assert (batch.generated_count, batch.is_generated) == (250, True)
    assert batch.finished_at is not None
    codes = list(Code.objects.filter(batch=batch))
    assert len(codes) == 250
    assert {(code.kind, code.brand_id, code.promotion_id, code.single_use, code.customer_id) for code in codes} == {
        ("promotion", promotion.brand_id, promotion.pk, True, None)
    }
    assert all(bytes(code.digest) == code_rules.code_digest(code.text) for code in codes)
    assert all(re.fullmatch(rf"SUMMER-[{code_rules.DEFAULT_CHARSET}]{{8}}", code.text) for code in codes)
    assert list(batches.check_consistency(at=timezone.now(), repair=False)) == []


def test_a_maker_whose_time_is_up_promises_the_rest(promotion: Promotion, small_chunks: None) -> None:
    batch = services.create_batch(promotion=promotion, count=250, pattern=SUMMER)
    OutboxMessage.objects.all().delete()

    services.generate_codes(batch_id=batch.pk, time_budget=0.0)

    batch.refresh_from_db()
    assert batch.generated_count == 100
    assert OutboxMessage.objects.get().kwargs == {"batch_id": str(batch.pk)}
    services.generate_codes(batch_id=batch.pk)
    services.generate_codes(batch_id=batch.pk)
    assert Code.objects.filter(batch=batch).count() == 250


def test_codes_that_are_taken_already_are_drawn_again(promotion: Promotion, monkeypatch: pytest.MonkeyPatch) -> None:
    other = CodeFactory(text="SUMMER-22222222")
    draws = iter([["SUMMER-22222222", "SUMMER-33333333"], ["SUMMER-44444444"]])
    monkeypatch.setattr(code_rules, "generate_codes", lambda *_, **__: next(draws))

    batch = batch_of(promotion, 2)

    assert set(Code.objects.filter(batch=batch).values_list("pk", flat=True)) == {"SUMMER-33333333", "SUMMER-44444444"}
    other.refresh_from_db()
    assert other.kind == "discount_code"


def test_a_maker_that_dies_within_a_chunk_leaves_nothing_of_it(
    promotion: Promotion, monkeypatch: pytest.MonkeyPatch, small_chunks: None
) -> None:
    batch = services.create_batch(promotion=promotion, count=250, pattern=SUMMER)
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


def test_the_command_makes_a_batch_and_goes_on_with_one(
    promotion: Promotion, capsys: pytest.CaptureFixture[str], small_chunks: None
) -> None:
    call_command("make_codes", promotion=promotion.pk, count=250, pattern=SUMMER)
    said = capsys.readouterr()
    batch = CodeBatch.objects.get()
    assert said.out.strip() == str(batch.pk)
    assert "250 of 250" in said.err

    begun = services.create_batch(promotion=promotion, count=150, pattern=SUMMER)
    services.generate_codes(batch_id=begun.pk, time_budget=0.0)
    call_command("make_codes", promotion=promotion.pk, resume=begun.pk)
    assert Code.objects.filter(batch=begun).count() == 150
    with pytest.raises(CommandError, match="shortest that would do is SUMMER-######"):
        call_command("make_codes", promotion=promotion.pk, count=10, pattern="SUMMER-#")
    with pytest.raises(CommandError, match="either"):
        call_command("make_codes", promotion=promotion.pk)


def test_an_interrupted_command_says_how_to_go_on(promotion: Promotion, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "make_chunk", interrupt)

    with pytest.raises(CommandError, match="--resume"):
        call_command("make_codes", promotion=promotion.pk, count=10)
    assert OutboxMessage.objects.get().task == "promotions.generate_codes"


# --- importing --------------------------------------------------------------------------------------------------------
def test_a_brands_own_codes_are_imported_and_each_bad_line_is_reported(promotion: Promotion) -> None:
    CodeFactory(text="TAKEN")
    lines = [
        "\ufeffCode;customer\n",
        "own-1;c1\n",
        '"OWN-2",c2\r\n',
        "\n",
        "no code\n",
        "own-1\n",
        "TAKEN\n",
        "'-OWN-3",
    ]

    report = services.import_codes(promotion=promotion, lines=lines)

    assert (report.received, report.imported, report.existing, report.rejected) == (6, 3, 0, 3)
    assert [(fault["line"], fault["code"]) for fault in report.errors] == [
        (5, "invalid"), (6, "duplicate"), (7, "code_taken"),
    ]  # fmt: skip
    assert set(Code.objects.filter(batch=report.batch, single_use=True).values_list("pk", flat=True)) == {
        "OWN-1", "OWN-2", "-OWN-3",
    }  # fmt: skip
    assert (report.batch.generated_count, report.batch.count, report.batch.is_generated) == (3, 3, True)


def test_an_import_that_broke_off_is_sent_again_whole(promotion: Promotion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "IMPORT_CHUNK", 10)

    def broken() -> Any:
        yield from (f"OWN-{number}" for number in range(25))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        services.import_codes(promotion=promotion, lines=broken())
    batch = CodeBatch.objects.get()
    assert batch.generated_count == Code.objects.filter(batch=batch).count() == 20

    report = services.import_codes(promotion=promotion, lines=(f"OWN-{n}" for n in range(30)), batch=batch)

    assert (report.imported, report.existing, report.rejected) == (10, 20, 0)
    assert CodeBatch.objects.get().generated_count == 30


def test_an_import_of_nothing_or_into_a_batch_with_a_pattern_is_refused(promotion: Promotion) -> None:
    with pytest.raises(InvalidRequest):
        services.import_codes(promotion=promotion, lines=["code\n", "\n"])
    assert not CodeBatch.objects.exists()
    with pytest.raises(InvalidRequest):
        services.import_codes(promotion=promotion, lines=["OWN-1"], batch=batch_of(promotion, 1))

    assert not Code.objects.filter(pk="OWN-1").exists()


def test_a_thousand_faults_are_named_and_all_are_counted(promotion: Promotion) -> None:
    report = services.import_codes(promotion=promotion, lines=["!"] * 1_500)

    assert (report.rejected, len(report.errors)) == (1_500, 1_000)


# --- giving them to shoppers ------------------------------------------------------------------------------------------
def test_each_customer_gets_one_code_and_keeps_it(promotion: Promotion, at: datetime) -> None:
    batch = batch_of(promotion, 10)

    first = services.assign_to_customers(batch=batch, customer_ids=["c1", "c2", "c1"], notify=False, at=at)
    had = owners(batch)
    second = services.assign_to_customers(batch=batch, customer_ids=["c2", "c3"], notify=False, at=at)

    assert (first.assigned, first.already_assigned, second.assigned, second.already_assigned) == (2, 0, 1, 1)
    assert sorted(had.values()) == ["c1", "c2"]
    assert had.items() <= owners(batch).items()
    assert sorted(owners(batch).values()) == ["c1", "c2", "c3"]
    assert not Mail.objects.exists()


def test_named_customers_all_get_a_code_or_nobody_does(promotion: Promotion, at: datetime) -> None:
    batch = batch_of(promotion, 2)

    with pytest.raises(CodesExhausted):
        services.assign_to_customers(batch=batch, customer_ids=["c1", "c2", "c3"], notify=True, at=at)

    assert owners(batch) == {}
    assert not Customer.objects.exists()


def test_codes_of_a_batch_that_is_not_made_yet_are_not_given(promotion: Promotion, at: datetime) -> None:
    batch = services.create_batch(promotion=promotion, count=10, pattern=SUMMER)

    with pytest.raises(BatchNotReady) as refused:
        services.assign_to_customers(batch=batch, customer_ids=["c1"], notify=False, at=at)

    assert refused.value.extensions == {"made": 0, "count": 10}
    with pytest.raises(BatchNotReady):
        services.assign_to_audience(batch=batch, segment_type="vip", notify=False)


def test_an_audience_is_given_codes_in_the_background(
    promotion: Promotion, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("promotions.services.assignments.CHUNK", 10)
    batch = batch_of(promotion, 40)
    with pytest.raises(AudienceEmpty):
        services.assign_to_audience(batch=batch, segment_type="vip", notify=False)
    names = [f"c{number}" for number in range(25)]
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=names)
    services.assign_to_customers(batch=batch, customer_ids=["c3"], notify=False, at=at)
    assignment = services.assign_to_audience(batch=batch, segment_type="vip", notify=False)
    OutboxMessage.objects.all().delete()

    services.continue_assignment(assignment_id=assignment.pk, at=at, time_budget=0.0)
    assert OutboxMessage.objects.get().kwargs == {"assignment_id": str(assignment.pk)}
    assert len(owners(batch)) in {10, 11}
    for _ in range(2):
        services.continue_assignment(assignment_id=assignment.pk, at=at)

    assignment.refresh_from_db()
    assert (assignment.assigned_count, assignment.already_assigned_count, assignment.exhausted) == (24, 1, False)
    assert assignment.finished_at == at
    assert sorted(owners(batch).values()) == sorted(names)


def test_an_audience_larger_than_the_batch_says_that_codes_did_not_suffice(promotion: Promotion, at: datetime) -> None:
    batch = batch_of(promotion, 3)
    names = [f"c{number}" for number in range(5)]
    apply_audience(brand=promotion.brand, segment_type="vip", operation="add", customer_ids=names)

    assignment = services.assign_to_audience(batch=batch, segment_type="vip", notify=False)
    services.continue_assignment(assignment_id=assignment.pk, at=at)

    found = CodeAssignment.objects.get()
    assert (found.assigned_count, found.exhausted, found.finished_at) == (3, True, at)
    assert len(owners(batch)) == 3


# --- mailing them -----------------------------------------------------------------------------------------------------
def shopper(consent: bool = True) -> Any:
    return ShopperFactory(marketing_consent=consent)


def test_each_shopper_who_agreed_is_mailed_their_own_code_once(promotion: Promotion, at: datetime) -> None:
    batch = batch_of(promotion, 10)
    ann, bob, eve = shopper(), shopper(), shopper(consent=False)
    everyone = [one.customer.customer_id for one in (ann, bob, eve)]

    first = services.assign_to_customers(batch=batch, customer_ids=[*everyone, "no user"], notify=True, at=at)
    again = services.assign_to_customers(batch=batch, customer_ids=everyone, notify=True, at=at)
    sending.send_due(at=at)

    assert (first.assigned, first.mailed, again.already_assigned, again.mailed) == (4, 2, 3, 0)
    assert {message.to[0].split("<")[-1].strip(">") for message in mail.outbox} == {ann.email, bob.email}
    codes = {customer: code for code, customer in owners(batch).items()}
    for message in mail.outbox:
        (whose,) = [one for one in (ann, bob) if one.email in message.to[0]]
        code = codes[whose.customer.customer_id]
        html = str(message.alternatives[0][0])  # type: ignore[union-attr]
        assert code in message.body
        assert code in html
        assert not (set(codes.values()) - {code}) & set(re.findall(r"SUMMER-\w{8}", message.body + html))
        assert "Summer <sale>" in message.subject
        assert "Summer &lt;sale&gt;" in html
        assert "List-Unsubscribe" in message.extra_headers


def test_who_was_given_a_code_without_a_mail_is_mailed_it_when_asked(promotion: Promotion, at: datetime) -> None:
    batch, ann = batch_of(promotion, 1), shopper()
    name = ann.customer.customer_id
    services.assign_to_customers(batch=batch, customer_ids=[name], notify=False, at=at)

    told = services.assign_to_customers(batch=batch, customer_ids=[name], notify=True, at=at)

    assert (told.assigned, told.already_assigned, told.mailed) == (0, 1, 1)
    assert Mail.objects.get().personal_text == Code.objects.get(batch=batch).text


def test_who_changed_their_mind_before_the_mail_went_gets_none(promotion: Promotion, at: datetime) -> None:
    batch, ann = batch_of(promotion, 1), shopper()
    services.assign_to_customers(batch=batch, customer_ids=[ann.customer.customer_id], notify=True, at=at)
    ann.marketing_consent = False
    ann.save()

    sending.send_due(at=at)

    assert mail.outbox == []
    assert Mail.objects.get().status == "suppressed"


def test_no_mail_is_built_for_a_promotion_that_is_over(promotion: Promotion, at: datetime) -> None:
    data = {"promotion": str(promotion.pk)}
    assert emails.build_code(key="", data=data, at=at) is not None
    assert emails.build_code(key="", data=data, at=promotion.end_date) is None
    early = emails.build_code(key="", data=data, at=promotion.start_date - timedelta(days=1))
    assert early is not None
    assert "from 1 January 2026" in early.text
    Promotion.objects.update(status="deactivated")

    assert emails.build_code(key="", data=data, at=at) is None


def test_an_audience_is_mailed_too(promotion: Promotion, at: datetime) -> None:
    batch, ann = batch_of(promotion, 5), shopper()
    apply_audience(
        brand=promotion.brand, segment_type="vip", operation="add", customer_ids=[ann.customer.customer_id, "other"]
    )

    assignment = services.assign_to_audience(batch=batch, segment_type="vip", notify=True)
    services.continue_assignment(assignment_id=assignment.pk, at=at)

    assert Mail.objects.get().recipient == ann.customer.pk


def test_random_deeds_never_give_a_code_twice(promotion: Promotion, at: datetime) -> None:
    batch, dice = batch_of(promotion, 30), random.Random(7)
    for _ in range(30):
        names = [f"c{dice.randrange(40)}" for _ in range(dice.randrange(1, 5))]
        with contextlib.suppress(CodesExhausted):
            services.assign_to_customers(batch=batch, customer_ids=names, notify=False, at=at)

    found = owners(batch)
    assert len(found) == len(set(found.values())) <= 30
