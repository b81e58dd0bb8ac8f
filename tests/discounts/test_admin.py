import csv
import io
import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from core.ids import min_uuid7_at, uuid7
from core.models import OutboxMessage
from discounts import services
from discounts.admin import numbers
from discounts.models import DiscountCode, DiscountRule, Usage, UsageNotification, UsageReturn
from mailings.models import Mail, Mailing
from segments.services import apply_audience
from tests.factories import (
    BrandFactory,
    CustomerFactory,
    DiscountCodeFactory,
    DiscountRuleFactory,
    MembershipFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

CODES = "/admin/discounts/discountcode/"
USES = "/admin/discounts/usage/"


def as_user(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def brand():
    return BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")


@pytest.fixture
def owner(brand):
    return as_user(MembershipFactory(brand=brand).user)


@pytest.fixture
def viewer(brand):
    return as_user(MembershipFactory(brand=brand, role=Role.VIEWER).user)


@pytest.fixture
def stranger():
    return as_user(MembershipFactory(brand=BrandFactory(slug="cake")).user)


@pytest.fixture
def root():
    return as_user(UserFactory(is_superuser=True, username="root"))


def form(**fields):
    later = timezone.now().astimezone(ZoneInfo("Europe/Madrid")) + timedelta(days=30)
    return {
        "text": "summer10", "existing": "", "discount": "10", "name": "", "audience": "", "minimum": "",
        "validity": f"{later:%Y-%m-%dT%H:%M:%S}", "notify": "on",
    } | fields  # fmt: skip


def used(code, at=None, **fields):
    """A final use, with an id as old as it is."""
    at = at or timezone.now()
    row = {"currency": "EUR", "amount": 10_000, "discount_amount": 1_000, "customer": CustomerFactory()} | fields
    key = uuid.UUID(int=min_uuid7_at(at).int | uuid7().int & (1 << 62) - 1)
    return Usage.objects.create(id=key, code=code, redeemed_at=at, **row)


def text(answer):
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()


# --- making a code ---------------------------------------------------------------------------------------------------
def test_a_code_is_made_with_a_new_discount_for_an_audience_from_a_subtotal(owner, brand):
    apply_audience(brand=brand, segment_type="purchase_above_100", operation="add", customer_ids=["c1"])

    answer = owner.post(f"{CODES}add/", form(audience="purchase_above_100", minimum="50,00", name="Ten"))

    code = DiscountCode.objects.get()
    assert answer.url == f"{CODES}{code.pk}/change/"
    assert (code.code_id, code.brand, code.rule.discount, code.rule.audience) == (
        "SUMMER10",
        brand,
        10,
        "purchase_above_100",
    )
    assert code.rule.terms == {"conditions": [{"kind": "min_subtotal", "value": "50.00"}]}
    assert OutboxMessage.objects.get().kwargs == {"code": "SUMMER10"}


def test_a_code_is_made_of_a_discount_that_is_there(owner, brand):
    rule = DiscountRuleFactory(brand=brand, discount=25)

    owner.post(f"{CODES}add/", form(existing=str(rule.pk), discount=""))

    assert DiscountCode.objects.get().rule == rule
    assert DiscountRule.objects.count() == 1


def test_validity_is_written_and_shown_in_the_brands_own_time(owner, brand):
    owner.post(f"{CODES}add/", form(validity="2099-07-31T23:59:59"))

    code = DiscountCode.objects.get()
    assert code.validity == datetime(2099, 7, 31, 23, 59, 59, tzinfo=ZoneInfo("Europe/Madrid"))
    page = text(owner.get(f"{CODES}{code.pk}/change/"))
    assert "2099-07-31T23:59:59" in page
    assert "Europe/Madrid" in page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": "no"}, "text"),
        ({"text": "TAKEN"}, "text"),
        ({"text": ""}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"discount": ""}, "discount"),
        ({"discount": "0"}, "discount"),
        ({"discount": "100"}, "discount"),
        ({"discount": "9.5"}, "discount"),
        ({"discount": "9" * 400}, "discount"),
        ({"audience": "nobody_sent_it"}, "audience"),
        ({"minimum": "12.345"}, "minimum"),
        ({"minimum": "-1"}, "minimum"),
        ({"minimum": "9" * 18}, "minimum"),
        ({"validity": "2020-01-01T00:00:00"}, "validity"),
        ({"validity": "2027-03-28T02:30:00"}, "validity"),  # skipped by the brand's clocks
        ({"validity": "soon"}, "validity"),
        ({"name": "n" * 101}, "name"),
    ],
)
def test_bad_input_is_told_at_its_field_and_makes_nothing(owner, fields, field):
    DiscountCodeFactory(text="TAKEN")

    answer = owner.post(f"{CODES}add/", form(**fields))

    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert DiscountCode.objects.count() == 1
    assert DiscountRule.objects.count() == 1
    assert not OutboxMessage.objects.exists()


def test_another_brands_discount_is_no_choice(owner):
    theirs = DiscountRuleFactory()

    answer = owner.post(f"{CODES}add/", form(existing=str(theirs.pk)))

    assert "existing" in answer.context["adminform"].form.errors
    assert str(theirs.pk) not in text(owner.get(f"{CODES}add/"))
    assert not DiscountCode.objects.exists()


def test_who_works_for_several_brands_says_first_for_which(root, brand):
    BrandFactory(slug="cake", name="Cake")

    choice = text(root.get(f"{CODES}add/"))
    root.post(f"{CODES}add/?brand=billo", form())

    assert "?brand=billo" in choice
    assert "?brand=cake" in choice
    assert DiscountCode.objects.get().brand == brand
    assert root.get(f"{CODES}add/?brand=nobody").status_code == 404


def test_a_brand_that_is_not_ones_own_is_not_there_to_make_codes_for(owner):
    BrandFactory(slug="other")

    assert owner.get(f"{CODES}add/?brand=other").status_code == 404
    assert owner.post(f"{CODES}add/?brand=other", form()).status_code == 404
    assert not DiscountCode.objects.exists()


# --- changing and announcing -----------------------------------------------------------------------------------------
def test_a_code_is_extended_and_switched_off(owner, brand):
    code = DiscountCodeFactory(brand=brand)

    answer = owner.post(f"{CODES}{code.pk}/change/", {"validity": "2031-06-01T12:00:00"})

    assert answer.status_code == 302
    code.refresh_from_db()
    assert code.validity == datetime(2031, 6, 1, 12, tzinfo=ZoneInfo("Europe/Madrid"))
    assert not code.is_active


def test_an_expired_code_can_be_switched_off_but_not_made_to_end_in_the_past(owner, brand):
    past = timezone.now() - timedelta(days=1)
    code = DiscountCodeFactory(brand=brand, validity=past)
    shown = past.astimezone(ZoneInfo("Europe/Madrid"))

    kept = owner.post(f"{CODES}{code.pk}/change/", {"validity": f"{shown:%Y-%m-%dT%H:%M:%S}"})
    moved = owner.post(f"{CODES}{code.pk}/change/", {"validity": "2020-01-01T00:00:00", "is_active": "on"})

    code.refresh_from_db()
    assert kept.status_code == 302
    assert (code.is_active, code.validity) == (False, past)
    assert "validity" in moved.context["adminform"].form.errors


def test_announcing_promises_it_and_marks_the_code_as_announced(owner, brand):
    code = DiscountCodeFactory(brand=brand, notify=False)

    answer = owner.post(f"{CODES}{code.pk}/announce/")

    code.refresh_from_db()
    assert answer.url == f"{CODES}{code.pk}/change/"
    assert code.notify
    assert OutboxMessage.objects.get().task == "discounts.announce"


def test_announcing_twice_is_one_mail_to_each(owner, brand, run_outbox):
    shopper = UserFactory(marketing_consent=True)
    CustomerFactory(user=shopper)
    code = DiscountCodeFactory(brand=brand)

    for _ in range(2):
        owner.post(CODES, {"action": "announce", "_selected_action": [code.pk]})
        run_outbox()

    assert Mail.objects.filter(mailing__key=f"discount_code:{code}").count() == 1
    assert "1 of 1" in text(owner.get(CODES)) or "0 of 1" in text(owner.get(CODES))


def test_a_code_that_nobody_could_use_is_not_announced(owner, brand):
    expired = DiscountCodeFactory(brand=brand, validity=timezone.now() - timedelta(days=1))
    off = DiscountCodeFactory(brand=brand, is_active=False)

    for code in (expired, off):
        owner.post(f"{CODES}{code.pk}/announce/")

    assert not OutboxMessage.objects.exists()


def test_progress_is_told_alone_for_the_page_to_ask_again(owner, brand):
    code = DiscountCodeFactory(brand=brand)
    mailing = Mailing.objects.create(
        key=f"discount_code:{code}", mail_type="discounts.emails.announcement", status="sending"
    )
    for number, state in enumerate(("sent", "planned", "failed")):
        Mail.objects.create(mailing=mailing, recipient=number, address="a@example.com", status=state)

    moving = text(owner.get(f"{CODES}{code.pk}/progress/"))
    Mailing.objects.update(status="done")
    done = text(owner.get(f"{CODES}{code.pk}/progress/"))

    assert "1 of 3 mails sent" in moving
    assert "1 could not be" in moving
    assert "every 2s" in moving
    assert "every 2s" not in done


def test_a_switch_off_of_several_is_one_action(owner, brand):
    codes = [DiscountCodeFactory(brand=brand) for _ in range(3)]

    owner.post(CODES, {"action": "deactivate", "_selected_action": [code.pk for code in codes]})

    assert not DiscountCode.objects.filter(is_active=True).exists()


# --- who may what ----------------------------------------------------------------------------------------------------
def test_a_viewer_reads_and_changes_nothing(viewer, brand):
    code = DiscountCodeFactory(brand=brand, notify=False)
    use = used(code)

    assert viewer.get(f"{CODES}{code.pk}/change/").status_code == 200
    answers = [
        viewer.get(f"{CODES}add/"),
        viewer.post(f"{CODES}add/", form()),
        viewer.post(f"{CODES}{code.pk}/change/", {"validity": "2031-06-01T12:00:00"}),
        viewer.post(f"{CODES}{code.pk}/announce/"),
        viewer.post(f"{USES}{code.pk}/{use.pk}/"),
    ]
    viewer.post(CODES, {"action": "deactivate", "_selected_action": [code.pk]})

    assert [answer.status_code for answer in answers] == [403] * 5
    code.refresh_from_db()
    assert code.is_active
    assert not code.notify
    assert Usage.objects.count() == 1
    assert DiscountCode.objects.count() == 1


def test_another_brands_objects_are_not_there(stranger, brand):
    code = DiscountCodeFactory(brand=brand, text="SECRETCODE", notify=False)
    use = used(code, customer=CustomerFactory(customer_id="secret-customer"))
    UsageNotification.objects.create(brand=brand, code="SECRETCODE", redeemed_at=timezone.now())

    for path in ("change/", "history/", "progress/", "delete/"):
        assert stranger.get(f"{CODES}{code.pk}/{path}").status_code in (403, 404), path
    assert stranger.post(f"{CODES}{code.pk}/announce/").status_code == 404
    assert stranger.post(f"{CODES}{code.pk}/change/", {"validity": "2031-06-01T12:00:00"}).status_code == 404
    assert stranger.get(f"{USES}{code.pk}/{use.pk}/").status_code == 404
    assert stranger.post(f"{USES}{code.pk}/{use.pk}/").status_code == 404
    stranger.post(CODES, {"action": "deactivate", "_selected_action": [code.pk]})
    filters = ("?brand=billo", "?code=SECRETCODE", "?customer=secret-customer")
    lists = [f"/admin/{path}/" for path in ("discounts/usenotice", "discounts/discountrule", "log")]
    for path in ("/admin/", CODES, f"{CODES}?q=SECRET", USES, *(USES + query for query in filters), *lists):
        page = text(stranger.get(path)).replace('value="SECRETCODE"', "").replace('value="secret-customer"', "")
        assert "SECRETCODE" not in page.replace("code=SECRETCODE", ""), path
        assert "secret-customer" not in page.replace("customer=secret-customer", ""), path
    export = stranger.get(f"{USES}export/?code=SECRETCODE")
    assert text(export).count("\n") == 1
    assert stranger.get(f"{USES}export/?brand=billo").status_code == 404
    code.refresh_from_db()
    assert code.is_active
    assert not code.notify
    assert Usage.objects.count() == 1


# --- rules -----------------------------------------------------------------------------------------------------------
def test_a_rule_is_made_and_only_its_name_changes(owner, brand):
    owner.post("/admin/discounts/discountrule/add/", {"discount": "15", "name": "Old", "audience": "", "minimum": "20"})
    rule = DiscountRule.objects.get()

    owner.post(
        f"/admin/discounts/discountrule/{rule.pk}/change/", {"name": "New", "discount": "90", "percentage": "90"}
    )

    rule.refresh_from_db()
    assert (rule.name, rule.discount, rule.brand) == ("New", 15, brand)
    assert rule.terms == {"conditions": [{"kind": "min_subtotal", "value": "20.00"}]}
    assert "from 20.00" in text(owner.get("/admin/discounts/discountrule/"))


def test_a_rule_that_a_code_has_is_not_deleted(owner, brand):
    used_rule, free = DiscountCodeFactory(brand=brand).rule, DiscountRuleFactory(brand=brand)

    refused = owner.post(f"/admin/discounts/discountrule/{used_rule.pk}/delete/", {"post": "yes"})
    owner.post(f"/admin/discounts/discountrule/{free.pk}/delete/", {"post": "yes"})

    assert refused.status_code == 403
    assert list(DiscountRule.objects.all()) == [used_rule]


# --- uses ------------------------------------------------------------------------------------------------------------
def test_uses_are_shown_newest_first_and_page_by_key(owner, brand, monkeypatch):
    monkeypatch.setattr("discounts.admin.redemptions.PAGE", 2)
    now = timezone.now()
    codes = [DiscountCodeFactory(brand=brand) for _ in range(2)]
    for number in range(5):
        used(codes[number % 2], now - timedelta(hours=number), customer=CustomerFactory(customer_id=f"who{number}"))

    seen, path = [], USES
    while path:
        answer = owner.get(path)
        seen.append([row["customer"] for row in answer.context["rows"]])
        path = answer.context["older"] and USES + answer.context["older"]

    assert seen == [["who0", "who1"], ["who2", "who3"], ["who4"]]


def test_uses_are_found_by_code_customer_and_day(owner, brand):
    one, other = DiscountCodeFactory(brand=brand, text="ONE"), DiscountCodeFactory(brand=brand, text="OTHER")
    ann = CustomerFactory(customer_id="ann")
    madrid = ZoneInfo("Europe/Madrid")
    used(one, datetime(2026, 6, 1, 0, 30, tzinfo=madrid), customer=ann)
    used(other, datetime(2026, 5, 31, 23, 30, tzinfo=madrid), customer=ann)
    used(one, datetime(2026, 6, 1, 12, tzinfo=madrid))

    def found(query):
        return sorted(row["code"] for row in owner.get(f"{USES}?{query}").context["rows"])

    assert found("code=one") == ["ONE", "ONE"]
    assert found("customer=ann") == ["ONE", "OTHER"]
    assert found("customer=ann&since=2026-06-01&until=2026-06-01") == ["ONE"]
    assert found("until=2026-05-31") == ["OTHER"]
    assert found("customer=nobody") == []


@pytest.mark.parametrize(
    "query",
    [
        "code=a%20b",
        "code=a",
        "since=never",
        "since=0001-01-01",
        "until=9999-12-31",
        "before=1",
        "brand=no",
    ],
)
def test_a_filter_that_makes_no_sense_is_told_and_shows_nothing(owner, brand, query):
    used(DiscountCodeFactory(brand=brand))

    answer = owner.get(f"{USES}?{query}")

    assert answer.status_code == 200
    assert answer.context["rows"] == []
    assert answer.context["form"].errors
    assert owner.get(f"{USES}export/?{query}").status_code == 404


def test_a_nul_in_a_question_is_as_if_it_were_not_there(owner, brand):
    used(DiscountCodeFactory(brand=brand, text="SUMMER"))

    assert [row["code"] for row in owner.get(f"{USES}?code=SUM%00MER").context["rows"]] == ["SUMMER"]


def test_uses_are_exported_in_chunks_with_no_formula_in_a_cell(owner, brand, monkeypatch):
    monkeypatch.setattr(numbers, "CHUNK", 2)
    code = DiscountCodeFactory(brand=brand, text="SUMMER")
    for customer in ("=1+1", "@b", "c", "d", "e"):
        used(code, customer=CustomerFactory(customer_id=customer))
    used(DiscountCodeFactory())

    answer = owner.get(f"{USES}export/")
    rows = list(csv.DictReader(io.StringIO(text(answer).removeprefix("\ufeff"))))

    assert answer["Content-Type"].startswith("text/csv")
    assert "uses-billo-" in answer["Content-Disposition"]
    assert [row["customer"] for row in rows] == ["'=1+1", "'@b", "c", "d", "e"]
    assert {row["code"] for row in rows} == {"SUMMER"}
    assert (rows[0]["amount"], rows[0]["discount"], rows[0]["state"]) == ("100.00", "10.00", "final")


def test_a_use_is_given_back_once_and_stands_among_the_returned_ones(owner, brand):
    code = DiscountCodeFactory(brand=brand)
    use = used(code, customer=CustomerFactory(customer_id="ann"))

    answer = owner.post(f"{USES}{code.pk}/{use.pk}/")

    assert answer.status_code == 302
    assert not Usage.objects.exists()
    assert UsageReturn.objects.get().usage_id == use.pk
    assert "ann" in text(owner.get("/admin/discounts/usagereturn/"))
    assert owner.post(f"{USES}{code.pk}/{use.pk}/").status_code == 404


def test_a_use_that_an_order_took_is_not_given_back_here(owner, brand):
    code = DiscountCodeFactory(brand=brand)
    use = used(code, redemption_id=uuid7())

    owner.post(f"{USES}{code.pk}/{use.pk}/")

    assert Usage.objects.count() == 1


def test_the_page_of_a_code_shows_its_numbers(owner, brand):
    code = DiscountCodeFactory(brand=brand)
    now = timezone.now()
    midnight = now.astimezone(ZoneInfo("Europe/Madrid")).replace(hour=0, minute=0, second=0, microsecond=0)
    used(code, max(midnight, now - timedelta(minutes=1)))
    used(code, midnight - timedelta(hours=1), discount_amount=2_000)
    used(code, now, reserved_until=now + timedelta(minutes=5), redemption_id=uuid7())

    cards = {name: (value, note) for name, value, note in owner.get(f"{CODES}{code.pk}/change/").context["cards"]}

    assert cards["Uses"][0] == "2"
    assert cards["Today"][0] == "1"
    assert cards["Discount given"] == ("€30.00", "€10.00 today")
    assert cards["Held at checkout"][0] == "1"


# --- queries ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path",
    [
        CODES,
        USES,
        "/admin/discounts/discountrule/",
        "/admin/discounts/usagereturn/",
        "/admin/discounts/usenotice/",
        "/admin/segments/audience/",
        "/admin/",
        "/admin/log/",
    ],
)
def test_lists_cost_as_many_queries_for_many_rows_as_for_few(owner, brand, path):
    def more(times):
        for _ in range(times):
            code = DiscountCodeFactory(brand=brand)
            use = used(code)
            UsageNotification.objects.create(brand=brand, code=code.code_id, redeemed_at=timezone.now())
            spare = used(code)
            services.return_redemption(usage_id=spare.pk, brand=brand, at=timezone.now())
            apply_audience(
                brand=brand, segment_type=f"type{code.pk}", operation="add", customer_ids=[use.customer.customer_id]
            )

    def queries():
        with CaptureQueriesContext(connection) as seen:
            assert owner.get(path).status_code == 200
        return len(seen)

    more(2)
    owner.get(path)
    few = queries()
    more(8)

    assert queries() <= few
    assert few <= 25
