import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from core.ids import min_uuid7_at, uuid7
from core.models import OutboxMessage
from discounts import services
from discounts.models import DiscountCode, DiscountRule, Usage
from mailings.models import Mail, Mailing
from segments.services import apply_audience
from tests.factories import (
    BrandFactory,
    CustomerFactory,
    DiscountCodeFactory,
    DiscountRuleFactory,
    MembershipFactory,
    ShopperFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

CODES = "/admin/discounts/discountcode/"


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


def form_data(**fields):
    later = timezone.now().astimezone(ZoneInfo("Europe/Madrid")) + timedelta(days=30)
    return {
        "text": "summer10", "existing": "", "discount": "10", "name": "", "audience": "", "minimum": "",
        "end_date": f"{later:%Y-%m-%dT%H:%M:%S}", "notify": "on",
    } | fields  # fmt: skip


def create_redemption(code, at=None, **fields):
    """Create a confirmed redemption with an ID of its time."""
    at = at or timezone.now()
    row = {"currency": "EUR", "amount": 10_000, "discount_amount": 1_000, "customer": CustomerFactory()} | fields
    usage_id = uuid.UUID(int=min_uuid7_at(at).int | uuid7().int & (1 << 62) - 1)
    return Usage.objects.create(id=usage_id, code=code, redeemed_at=at, **row)


def text(response):
    return b"".join(response.streaming_content).decode() if response.streaming else response.content.decode()


# --- creating codes --------------------------------------------------------------------------------------------------
def test_a_code_is_created_with_a_new_rule_for_an_audience_and_a_minimum(owner, brand):
    apply_audience(brand=brand, segment_type="purchase_above_100", operation="add", customer_ids=["c1"])

    response = owner.post(f"{CODES}add/", form_data(audience="purchase_above_100", minimum="50,00", name="Ten"))

    code = DiscountCode.objects.get()
    assert response.url == f"{CODES}{code.pk}/review/"
    assert (code.decision, code.notify) == ("draft", True)
    assert not OutboxMessage.objects.exists()
    owner.post(response.url)
    assert (code.code, code.brand, code.rule.discount, code.rule.audience) == (
        "SUMMER10",
        brand,
        10,
        "purchase_above_100",
    )
    assert code.rule.terms == {"conditions": [{"kind": "min_subtotal", "value": "50.00"}]}
    assert OutboxMessage.objects.get().kwargs == {"offer": str(code.offer_id)}


def test_a_code_is_created_with_an_existing_rule(owner, brand):
    rule = DiscountRuleFactory(brand=brand, discount=25)

    owner.post(f"{CODES}add/", form_data(existing=str(rule.pk), discount=""))

    assert DiscountCode.objects.get().rule == rule
    assert DiscountRule.objects.count() == 1


def test_validity_is_entered_and_shown_in_the_brands_time_zone(owner, brand):
    owner.post(f"{CODES}add/", form_data(end_date="2099-07-31T23:59:59"))

    code = DiscountCode.objects.get()
    assert code.end_date == datetime(2099, 7, 31, 23, 59, 59, tzinfo=ZoneInfo("Europe/Madrid"))
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
        ({"end_date": "2020-01-01T00:00:00"}, "end_date"),
        ({"end_date": "2027-03-28T02:30:00"}, "end_date"),  # skipped by the brand's clocks
        ({"end_date": "soon"}, "end_date"),
        ({"name": "n" * 101}, "name"),
    ],
)
def test_invalid_input_shows_an_error_at_its_field_and_creates_nothing(owner, brand, fields, field):
    DiscountCodeFactory(text="TAKEN", brand=brand)

    response = owner.post(f"{CODES}add/", form_data(**fields))

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]
    assert DiscountCode.objects.count() == 1
    assert DiscountRule.objects.count() == 1
    assert not OutboxMessage.objects.exists()


def test_rules_of_another_brand_are_no_choices(owner):
    foreign_rule = DiscountRuleFactory()

    response = owner.post(f"{CODES}add/", form_data(existing=str(foreign_rule.pk)))

    assert "existing" in response.context["adminform"].form.errors
    assert str(foreign_rule.pk) not in text(owner.get(f"{CODES}add/"))
    assert not DiscountCode.objects.exists()


def test_a_user_of_several_brands_selects_a_brand_first(root, brand):
    BrandFactory(slug="cake", name="Cake")

    choice = text(root.get(f"{CODES}add/"))
    root.post(f"{CODES}add/?brand=billo", form_data())

    assert "?brand=billo" in choice
    assert "?brand=cake" in choice
    assert DiscountCode.objects.get().brand == brand
    assert root.get(f"{CODES}add/?brand=nobody").status_code == 404


def test_codes_cannot_be_created_for_another_brand(owner):
    BrandFactory(slug="other")

    assert owner.get(f"{CODES}add/?brand=other").status_code == 404
    assert owner.post(f"{CODES}add/?brand=other", form_data()).status_code == 404
    assert not DiscountCode.objects.exists()


# --- changing and announcing -----------------------------------------------------------------------------------------
def test_a_code_is_extended(owner, brand):
    code = DiscountCodeFactory(brand=brand)

    response = owner.post(f"{CODES}{code.pk}/change/", {"end_date": "2031-06-01T12:00:00"})

    assert response.status_code == 302
    code.refresh_from_db()
    assert code.end_date == datetime(2031, 6, 1, 12, tzinfo=ZoneInfo("Europe/Madrid"))


def test_the_start_changes_until_it_has_passed(owner, brand):
    code = DiscountCodeFactory(brand=brand, start_date=timezone.now() + timedelta(days=1))
    dates = {"start_date": "2020-06-01T12:00:00", "end_date": "2031-06-01T12:00:00"}

    for start in ("2020-06-01T12:00:00", "2019-06-01T12:00:00"):
        owner.post(f"{CODES}{code.pk}/change/", dates | {"start_date": start})

    code.refresh_from_db()
    assert code.start_date == datetime(2020, 6, 1, 12, tzinfo=ZoneInfo("Europe/Madrid"))
    assert 'name="start_date"' not in text(owner.get(f"{CODES}{code.pk}/change/"))


def test_a_draft_is_created_activated_duplicated_and_deleted(owner, brand):
    owner.post(f"{CODES}add/", form_data())
    code = DiscountCode.objects.get()
    assert code.decision == "draft"

    owner.post(f"{CODES}{code.pk}/review/")
    owner.post(f"{CODES}{code.pk}/status/duplicate/", {"text": "again"})
    owner.post(f"{CODES}{code.pk}/status/delete/")  # only drafts
    duplicate = DiscountCode.objects.get(code="AGAIN")
    code.refresh_from_db()
    assert (code.decision, duplicate.decision) == ("published", "draft")

    assert "Delete draft" in text(owner.get(f"{CODES}{duplicate.pk}/change/"))
    assert owner.post(f"{CODES}{duplicate.pk}/status/delete/").url == CODES
    assert DiscountCode.objects.get() == code


def test_a_taken_text_of_a_duplicate_is_reported(owner, brand):
    code = DiscountCodeFactory(brand=brand)

    page = owner.post(f"{CODES}{code.pk}/status/duplicate/", {"text": code.code}, follow=True)

    assert "This code already exists." in text(page)
    assert DiscountCode.objects.count() == 1


def test_an_archived_code_can_only_be_duplicated(owner, brand):
    code = DiscountCodeFactory(brand=brand, decision="archived")

    page = text(owner.get(f"{CODES}{code.pk}/change/"))

    assert f"{CODES}{code.pk}/status/duplicate/" in page
    assert f"{CODES}{code.pk}/status/archive/" not in page
    assert owner.post(f"{CODES}{code.pk}/change/", {"end_date": "2031-06-01T12:00:00"}).status_code == 403


def test_an_end_in_the_past_is_rejected(owner, brand):
    past = timezone.now() - timedelta(days=1)
    code = DiscountCodeFactory(brand=brand, end_date=past)
    shown = past.astimezone(ZoneInfo("Europe/Madrid"))

    kept = owner.post(f"{CODES}{code.pk}/change/", {"end_date": f"{shown:%Y-%m-%dT%H:%M:%S}"})
    moved = owner.post(f"{CODES}{code.pk}/change/", {"end_date": "2020-01-01T00:00:00"})

    code.refresh_from_db()
    assert kept.status_code == 302
    assert code.end_date == past
    assert "end_date" in moved.context["adminform"].form.errors


def test_announcing_enqueues_a_task_and_marks_the_code_as_announced(owner, brand):
    code = DiscountCodeFactory(brand=brand, notify=False)

    response = owner.post(f"{CODES}{code.pk}/announce/")

    code.refresh_from_db()
    assert response.url == f"{CODES}{code.pk}/change/"
    assert code.notify
    assert OutboxMessage.objects.get().task == "discounts.announce"


def test_announcing_twice_sends_one_email_per_shopper(owner, brand, run_outbox):
    ShopperFactory(consents=True)
    code = DiscountCodeFactory(brand=brand)

    for _ in range(2):
        owner.post(CODES, {"action": "announce", "_selected_action": [code.pk], "confirmed": "1"})
        run_outbox()

    assert Mail.objects.filter(mailing__key=f"discount_code:{code.offer_id}").count() == 1
    assert "1 of 1" in text(owner.get(CODES)) or "0 of 1" in text(owner.get(CODES))


def test_ended_and_paused_codes_are_not_announced(owner, brand):
    expired = DiscountCodeFactory(brand=brand, end_date=timezone.now() - timedelta(days=1))
    off = DiscountCodeFactory(brand=brand, decision="paused")

    for code in (expired, off):
        owner.post(f"{CODES}{code.pk}/announce/")

    assert not OutboxMessage.objects.exists()


def test_the_progress_view_is_polled_until_the_announcement_is_done(owner, brand):
    code = DiscountCodeFactory(brand=brand)
    mailing = Mailing.objects.create(
        key=f"discount_code:{code.offer_id}", mail_type="discounts.emails.announcement", status="sending"
    )
    for number, status in enumerate(("sent", "planned", "failed")):
        Mail.objects.create(mailing=mailing, recipient=number, address="a@example.com", status=status)

    moving = text(owner.get(f"{CODES}{code.pk}/progress/"))
    Mailing.objects.update(status="done")
    done = text(owner.get(f"{CODES}{code.pk}/progress/"))

    assert "1 of 3 emails sent" in moving
    assert "1 failed" in moving
    assert "every 2s" in moving
    assert "every 2s" not in done


def test_several_codes_are_paused_with_one_action(owner, brand):
    codes = [DiscountCodeFactory(brand=brand) for _ in range(3)]

    owner.post(CODES, {"action": "pause", "_selected_action": [code.pk for code in codes], "confirmed": "1"})

    assert not DiscountCode.objects.filter(decision="published").exists()


# --- permissions -----------------------------------------------------------------------------------------------------
def test_a_viewer_can_only_view(viewer, brand):
    code = DiscountCodeFactory(brand=brand, notify=False)
    create_redemption(code)

    assert viewer.get(f"{CODES}{code.pk}/change/").status_code == 200
    responses = [
        viewer.get(f"{CODES}add/"),
        viewer.post(f"{CODES}add/", form_data()),
        viewer.post(f"{CODES}{code.pk}/change/", {"end_date": "2031-06-01T12:00:00"}),
        viewer.post(f"{CODES}{code.pk}/announce/"),
    ]
    viewer.post(CODES, {"action": "pause", "_selected_action": [code.pk], "confirmed": "1"})

    assert [response.status_code for response in responses] == [403] * 4
    code.refresh_from_db()
    assert code.decision == "published"
    assert not code.notify
    assert Usage.objects.count() == 1
    assert DiscountCode.objects.count() == 1


def test_objects_of_another_brand_are_not_found(stranger, brand):
    code = DiscountCodeFactory(brand=brand, text="SECRETCODE", notify=False)
    create_redemption(code, customer=CustomerFactory(customer_id="secret-customer"))

    for path in ("change/", "history/", "progress/", "delete/"):
        assert stranger.get(f"{CODES}{code.pk}/{path}").status_code in (403, 404), path
    assert stranger.post(f"{CODES}{code.pk}/announce/").status_code == 404
    assert stranger.post(f"{CODES}{code.pk}/change/", {"end_date": "2031-06-01T12:00:00"}).status_code == 404
    stranger.post(CODES, {"action": "pause", "_selected_action": [code.pk]})
    lists = [f"/admin/{path}/" for path in ("discounts/discountrule", "log")]
    for path in (
        "/admin/",
        CODES,
        f"{CODES}?q=SECRET",
        *lists,
    ):
        page = text(stranger.get(path))
        assert "SECRETCODE" not in page, path
        assert "secret-customer" not in page, path
    code.refresh_from_db()
    assert code.decision == "published"
    assert not code.notify
    assert Usage.objects.count() == 1


# --- rules -----------------------------------------------------------------------------------------------------------
def test_only_the_name_of_a_rule_can_change(owner, brand):
    owner.post("/admin/discounts/discountrule/add/", {"discount": "15", "name": "Old", "audience": "", "minimum": "20"})
    rule = DiscountRule.objects.get()

    owner.post(
        f"/admin/discounts/discountrule/{rule.pk}/change/", {"name": "New", "discount": "90", "percentage": "90"}
    )

    rule.refresh_from_db()
    assert (rule.name, rule.discount, rule.brand) == ("New", 15, brand)
    assert rule.terms == {"conditions": [{"kind": "min_subtotal", "value": "20.00"}]}
    assert "min. 20.00" in text(owner.get("/admin/discounts/discountrule/"))


def test_a_rule_with_codes_cannot_be_deleted(owner, brand):
    rule_with_code, unused_rule = DiscountCodeFactory(brand=brand).rule, DiscountRuleFactory(brand=brand)

    rejected = owner.post(f"/admin/discounts/discountrule/{rule_with_code.pk}/delete/", {"post": "yes"})
    owner.post(f"/admin/discounts/discountrule/{unused_rule.pk}/delete/", {"post": "yes"})

    assert rejected.status_code == 403
    assert list(DiscountRule.objects.all()) == [rule_with_code]


def test_the_page_of_a_code_shows_its_metrics(owner, brand):
    code = DiscountCodeFactory(brand=brand)
    now = timezone.now()
    midnight = now.astimezone(ZoneInfo("Europe/Madrid")).replace(hour=0, minute=0, second=0, microsecond=0)
    create_redemption(code, max(midnight, now - timedelta(minutes=1)))
    create_redemption(code, midnight - timedelta(hours=1), discount_amount=2_000)
    create_redemption(code, now, reserved_until=now + timedelta(minutes=5), redemption_id=uuid7())

    cards = {name: (value, note) for name, value, note in owner.get(f"{CODES}{code.pk}/change/").context["cards"]}

    assert cards["Redemptions"][0] == "2"
    assert cards["Today"][0] == "1"
    assert cards["Total discount"] == ("€30.00", "€10.00 today")
    assert cards["Reserved"][0] == "1"


# --- queries ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path",
    [
        CODES,
        "/admin/discounts/discountrule/",
        "/admin/segments/audience/",
        "/admin/",
        "/admin/log/",
    ],
)
def test_lists_cost_the_same_number_of_queries_for_many_rows(owner, brand, path):
    def add_rows(times):
        for _ in range(times):
            code = DiscountCodeFactory(brand=brand)
            redemption = create_redemption(code)
            returned = create_redemption(code)
            services.return_redemption(usage_id=returned.pk, brand_id=brand.pk, at=timezone.now())
            apply_audience(
                brand=brand,
                segment_type=f"type{code.pk}",
                operation="add",
                customer_ids=[redemption.customer.customer_id],
            )

    def count_queries():
        with CaptureQueriesContext(connection) as captured:
            assert owner.get(path).status_code == 200
        return len(captured)

    add_rows(2)
    owner.get(path)
    query_count = count_queries()
    add_rows(8)

    assert count_queries() <= query_count
    audited = [model for model in apps.get_models() if hasattr(model, "pgh_event_models")]
    assert query_count <= (11 + len(audited) if path == "/admin/log/" else 25)  # the log asks each audited model
