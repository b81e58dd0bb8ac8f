import uuid
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from accounts.selectors import shopper_of
from backoffice.base.admin import BrandScopedMixin
from backoffice.pages.navigation import list_groups
from core.ids import uuid7
from core.models import OutboxMessage
from core.outbox import enqueue_on_commit
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition, CouponRedemption
from coupons.services import redeem
from discounts.models import DiscountCode, Usage
from discounts.services import redeem_code
from promotions.models import Attribute, PricingProfile, Promotion
from segments.models import Audience, AudienceUpload, Segment
from tests.factories import (
    ApiKeyFactory,
    BrandFactory,
    CampaignFactory,
    CouponFactory,
    CustomerFactory,
    DiscountCodeFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
    UserFactory,
)
from vouchers import services as campaigns
from vouchers.models import Campaign, Voucher
from vouchers.services import claim

pytestmark = pytest.mark.django_db


def as_user(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def brand():
    return BrandFactory(slug="billo", name="Billo")


@pytest.fixture
def owner(brand):
    return as_user(MembershipFactory(brand=brand, user=UserFactory(username="olga")).user)


@pytest.fixture
def root():
    return as_user(UserFactory(is_superuser=True, username="root"))


# --- policy ----------------------------------------------------------------------------------------------------------
def test_only_the_admin_has_the_looser_content_security_policy(client, owner):
    loose = [owner.get(path)["Content-Security-Policy"] for path in ("/admin/", "/admin/log/", "/admin/login/")]
    strict = [
        client.get(path)["Content-Security-Policy"]
        for path in ("/api/v1/me/", "/api/nothing/", "/healthz", "/accounts/")
    ]

    assert all("script-src 'self' 'unsafe-eval'" in policy for policy in loose)
    assert not any("script-src 'self' 'unsafe-eval' 'unsafe-inline'" in policy for policy in loose)
    assert not any("unsafe" in policy for policy in strict)


# --- dashboard -------------------------------------------------------------------------------------------------------
def test_the_dashboard_shows_the_users_brands_but_not_the_platform(owner, brand):
    for owner_brand, text in ((brand, "MINE"), (BrandFactory(), "THEIRS")):
        DiscountCodeFactory(brand=owner_brand, text=text)
        redeem_code(
            code=text, shopper=shopper_of(ShopperFactory().customer), brand=owner_brand.slug, amount=1000,
            currency="EUR", at=timezone.now(),
        )  # fmt: skip

    answer = owner.get("/admin/")
    cards = {name: value for name, value, _ in answer.context["cards"]}

    assert (cards["Active codes"], cards["Redemptions today"], cards["Discounts today"]) == ("1", "1", "€1.00")
    assert [row["code"] for row in answer.context["rows"]] == ["MINE"]
    assert answer.context["health"] is None
    assert "THEIRS" not in answer.content.decode()


def test_the_dashboard_counts_active_objects_of_the_users_brands(owner, root, brand):
    at = timezone.now()
    span = {"start_date": at - timedelta(hours=1), "end_date": at + timedelta(days=1)}
    for number, other in enumerate((brand, BrandFactory())):
        PromotionFactory(brand=other)
        campaigns.create(brand=other, quota=7, fields={"name": "First", "slug": f"first-{number}", **span}, at=at)
    PromotionFactory(brand=brand, start_date=at + timedelta(days=2), end_date=at + timedelta(days=3))

    def active(client):
        return {name: (value, note) for name, value, note, _ in client.get("/admin/").context["active_objects"]}

    assert active(owner)["Promotions"] == ("1", "1 starting in the next 7 days")
    assert active(owner)["First-login campaigns"] == ("1", "0 of 7 vouchers issued")
    assert active(root)["First-login campaigns"] == ("2", "0 of 14 vouchers issued")
    assert active(owner)["Segments"] == ("0", "0 customers")
    assert active(owner)["Coupons"] == ("0", "0 starting in the next 7 days")


def test_superusers_see_the_health_of_the_platform(root):
    enqueue_on_commit("discounts.announce", code="X")
    OutboxMessage.objects.create(task="gone", dead_lettered_at=timezone.now())

    health = {name: value for name, value, *_ in root.get("/admin/").context["health"]}

    assert (health["Background tasks"], health["Failed tasks"], health["Scheduler"]) == ("1", "1", "No heartbeat")


def test_failed_tasks_can_be_retried_by_superusers_only(root, owner):
    failed = OutboxMessage.objects.create(
        task="discounts.announce", kwargs={"code": "X"}, dead_lettered_at=timezone.now(), attempts=12
    )

    forbidden = owner.post("/admin/kernel/outboxmessage/", {"action": "requeue", "_selected_action": [failed.pk]})
    assert forbidden.status_code == 403
    root.post("/admin/kernel/outboxmessage/", {"action": "requeue", "_selected_action": [failed.pk]})

    failed.refresh_from_db()
    assert (failed.dead_lettered_at, failed.attempts) == (None, 0)


# --- audit log -------------------------------------------------------------------------------------------------------
def test_the_audit_log_shows_user_object_and_changed_values(owner, brand):
    code = DiscountCodeFactory(brand=brand, text="SUMMER")

    owner.post(f"/admin/discounts/discountcode/{code.pk}/status/pause/")
    changes = owner.get("/admin/log/?kind=discounts.discountcode&how=update").context["rows"]

    assert [(change["user"], change["object_type"], change["name"]) for change in changes] == [
        ("olga", "Discount code", "SUMMER")
    ]
    assert changes[0]["fields"] == [("decision", "Published", "Paused")]


def test_the_history_of_an_object_is_its_part_of_the_audit_log(owner, brand):
    code, other = DiscountCodeFactory(brand=brand, text="SUMMER"), DiscountCodeFactory(brand=brand)

    answer = owner.get(f"/admin/discounts/discountcode/{code.pk}/history/")
    changes = owner.get(answer.url).context["rows"]

    assert [change["name"] for change in changes] == ["SUMMER"]
    assert other.code not in str(changes)


def test_staff_see_changes_of_their_own_brand_only(owner, brand):
    stranger = DiscountCodeFactory(text="THEIRS")
    DiscountCodeFactory(brand=brand, text="MINE")

    page = owner.get("/admin/log/")
    theirs = owner.get(f"/admin/log/?kind=discounts.discountcode&object={stranger.pk}")

    names = {change["name"] for change in page.context["rows"]}
    assert "MINE" in names
    assert "THEIRS" not in page.content.decode()
    assert theirs.context["rows"] == []
    assert not {"User", "Customer"} & {change["object_type"] for change in page.context["rows"]}


def test_an_editor_does_not_see_changes_of_objects_for_owners(brand):
    ApiKeyFactory(brand=brand, name="secret key")
    editor = as_user(MembershipFactory(brand=brand, role=Role.EDITOR).user)

    assert "secret key" not in editor.get("/admin/log/").content.decode()


def test_the_audit_log_pages_through_the_events_of_all_models(owner, brand):
    for percent in range(1, 41):  # equal rules would be one
        DiscountCodeFactory(brand=brand, percent=percent)

    seen, path = [], "/admin/log/"
    while path:
        context = owner.get(path).context
        seen += [(change["object_type"], change["url"]) for change in context["rows"]]
        path = context["older"] and "/admin/log/" + context["older"]

    codes = [entry for entry in seen if entry[0] == "Discount code"]
    assert len(codes) == len(set(codes)) == 40
    assert sum(what == "Discount rule" for what, _ in seen) == 40


INVALID_FILTERS = [
    "kind=no", "how=no", "who=%00", "object=%00", "kind=discounts.discountcode&object=x", "object=" + "9" * 60,
    "before=x", "before=1-2", "before=" + "9" * 30, "kind=discounts.discountrule&object=1",
]  # fmt: skip


@pytest.mark.parametrize("query", INVALID_FILTERS)
def test_an_invalid_filter_of_the_audit_log_is_no_error(owner, brand, query):
    assert owner.get(f"/admin/log/?{query}").status_code == 200


def test_the_audit_log_takes_a_fixed_number_of_queries(owner, brand):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            owner.get("/admin/log/")
        return len(seen)

    DiscountCodeFactory(brand=brand)
    few = queries()
    for _ in range(20):
        DiscountCodeFactory(brand=brand)

    assert queries() <= few <= 45


# --- isolation of brands: every page of the admin --------------------------------------------------------------------
SECRET = "SECRET-OF-BILLO"


@pytest.fixture
def things(brand):
    """One object of each model, of brand billo."""
    member = MembershipFactory(brand=brand, user=UserFactory(username="secret-of-billo"))
    code = DiscountCodeFactory(brand=brand, text=SECRET)
    customer = CustomerFactory(customer_id="secret-of-billo")
    now = timezone.now()
    campaign = CampaignFactory(brand=brand, name="secret-of-billo")
    claim(campaign=campaign.slug, customer_key=customer.pk, at=now)
    coupon = CouponFactory(brand=brand, title="secret-of-billo")
    Usage.objects.create(id=uuid7(), code=code, customer=customer, redeemed_at=now)
    OutboxMessage.objects.create(task="secret-of-billo")
    redeem(coupon=coupon.pk, request=RedemptionRequest(uuid7(), customer.pk), at=now)
    return {
        "discountcode": code,
        "discountrule": code.rule,
        "promotion": PromotionFactory(brand=brand, name="secret-of-billo"),
        "campaign": campaign,
        "coupondefinition": coupon,
        "voucher": Voucher.objects.get(),
        "pricingprofile": PricingProfile.objects.create(brand=brand),
        "attribute": Attribute.objects.create(brand=brand, name="secret-of-billo", type="string"),
        "audienceupload": AudienceUpload.objects.create(
            brand=brand, segment_type="secret-of-billo", operation="add", file_name="secret-of-billo.csv"
        ),
        "audience": Audience.objects.create(brand=brand, segment_type="secret-of-billo"),
        "segment": Segment.objects.create(
            brand=brand, segment_type="secret-of-billo", start_date=now, end_date=now + timedelta(days=1), due_at=now
        ),
        "brand": brand,
        "membership": member,
        "apikey": ApiKeyFactory(brand=brand, name="secret-of-billo"),
        "customer": customer,
        "user": member.user,
    }


PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label_lower)
@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER, None])
def test_no_page_of_the_admin_shows_or_changes_another_brands_objects(model, role, things):
    user = MembershipFactory(brand=BrandFactory(slug="cake"), role=role).user if role else UserFactory()
    client = as_user(user)
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    thing = things.get(model._meta.model_name)
    key = thing.pk if thing is not None else uuid.uuid4()
    before = _state()

    for path in ("", "?q=secret", f"{key}/change/", f"{key}/history/", f"{key}/delete/", f"{key}/", "add/", "export/"):
        answer = client.get(base + path)
        assert answer.status_code in (200, 302, 403, 404), path
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert b"secret-of-billo" not in body.lower(), path
    for path, data in (
        (f"{key}/change/", {"name": "stolen", "end_date": "2031-01-01T00:00:00", "role": "owner"}),
        (f"{key}/delete/", {"post": "yes"}),
        *(("", {"action": action, "_selected_action": [key], "post": "yes"}) for action in ACTIONS),
    ):
        assert client.post(base + path, data).status_code in (200, 302, 403, 404), path

    assert _state() == before


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label_lower)
def test_a_viewer_changes_nothing_of_their_own_brand(model, things, brand):
    client = as_user(MembershipFactory(brand=brand, role=Role.VIEWER, user=UserFactory(username="vera")).user)
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    thing = things.get(model._meta.model_name)
    key = thing.pk if thing is not None else uuid.uuid4()
    before = _state()

    for path, data in (
        (f"{key}/change/", {"name": "changed", "end_date": "2031-01-01T00:00:00", "role": "owner"}),
        (f"{key}/delete/", {"post": "yes"}),
        ("add/", {"name": "new", "discount": "10", "text": "NEWCODE", "end_date": "2031-01-01T00:00:00"}),
        *(("", {"action": action, "_selected_action": [key], "post": "yes"}) for action in ACTIONS),
    ):
        assert client.post(base + path, data).status_code in (200, 302, 403, 404), path

    assert _state() == before
    if not isinstance(admin.site._registry[model], BrandScopedMixin):
        assert client.get(base).status_code == 403


ACTIONS = (
    "announce",
    "activate",
    "deactivate",
    "end",
    "delete_selected",
    "revoke",
    "resend",
    "requeue",
    "sync_now",
    "resync_all",
)


def _state():
    """Return everything that the requests above could have changed."""
    return [
        sorted(map(str, rows))
        for rows in (
            DiscountCode.objects.values_list(),
            Usage.objects.values_list(),
            Brand.objects.values_list("name", "slug", "is_active"),
            Brand.objects.values_list("memberships__role", "api_keys__revoked_at", "audiences__segment_type"),
            Brand.objects.values_list("discount_rules__name", "discount_rules__discount"),
            Promotion.objects.values_list("name", "decision"),
            PricingProfile.objects.values_list(),
            Campaign.objects.values_list("name", "decision", "end_date", "counter__quota"),
            Voucher.objects.values_list("status", "revoked_at"),
            CouponDefinition.objects.values_list("title", "decision"),
            CouponRedemption.objects.values_list("status"),
            OutboxMessage.objects.values_list("task", "dead_lettered_at"),
        )
    ]


# --- invalid parameters ----------------------------------------------------------------------------------------------
INVALID_QUERIES = (
    *("p=x", "p=-1", "p=9999999999", "o=zz", "o=1.-2.99", "q=%00", "q=" + "a" * 3000, "all=1", "by=x"),
    *("brand=%00", "state=%00", "status=%00", "nope=1", "_popup=1", "brand__id__exact=x", "brand=%0%000"),
)
INVALID_KEYS = ("x", "9" * 40, "\0", "", "1_5f")


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label_lower)
def test_invalid_parameters_are_never_a_server_error(model, root, things):
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"

    for query in INVALID_QUERIES:
        assert root.get(f"{base}?{query}").status_code < 500, query
    for action in ACTIONS:
        assert root.post(base, {"action": action, "_selected_action": INVALID_KEYS}).status_code < 500, action
    for key in ("x", "9" * 40, "%00", "1_5f"):
        for path in ("change/", "history/", "delete/"):
            assert root.get(f"{base}{key}/{path}").status_code in (302, 403, 404), (key, path)


@pytest.mark.parametrize("part", ["minute", "hour", "day_of_week", "day_of_month", "month_of_year"])
@pytest.mark.parametrize("text", ["-5", "-0", "noon", "9" * 30])
def test_an_invalid_crontab_part_is_an_error_at_its_field(root, part, text):
    page = "/admin/django_celery_beat/crontabschedule/add/"
    good = {"minute": "*", "hour": "*", "day_of_week": "*", "day_of_month": "*", "month_of_year": "*"}

    answer = root.post(page, good | {"timezone": "UTC", part: text})

    assert list(answer.context["adminform"].form.errors) == [part]


@pytest.mark.parametrize("name", ["user", "brand"])
@pytest.mark.parametrize("key", ["x", "\0", "9" * 40, "٣", "1_5f", "🎟"])
def test_an_invalid_key_is_an_error_at_its_autocomplete_field(root, brand, name, key):
    good = {"user": UserFactory().pk, "brand": brand.pk, "role": "owner"}

    answer = root.post("/admin/accounts/membership/add/", good | {name: key})

    assert list(answer.context["adminform"].form.errors) == [name]


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label_lower)
def test_save_as_new_is_ignored(model, root, things):
    thing = things.get(model._meta.model_name)
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    before = model.objects.count()

    answer = root.post(f"{base}{uuid.uuid4() if thing is None else thing.pk}/change/", {"name": "x", "_saveasnew": "1"})

    assert answer.status_code in (200, 302, 403, 404)
    assert model.objects.count() == before


@pytest.mark.parametrize("query", ["brand=%00", "brand=%0%000", "brand=%0%00%000&month=%0%000", "brand=x&month=9"])
@pytest.mark.parametrize(
    "page",
    ["promotions/promotion/calendar/", "promotions/promotion/add/", "checkout/redemption/try/",
     "checkout/backtest/add/", "segments/audience/automatic/", "segments/segment/slots/", "coupons/report/"],
)  # fmt: skip
def test_an_invalid_brand_parameter_is_no_error(owner, page, query):
    assert owner.get(f"/admin/{page}?{query}").status_code in (200, 404)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/admin/", "Dashboard"),
        ("/admin/promotions/promotion/", "Promotions"),
        ("/admin/promotions/promotion/add/", "Promotions"),
        ("/admin/promotions/promotion/calendar/", "Calendar"),
        ("/admin/segments/audience/automatic/", "Automatic audiences"),
        ("/admin/log/", "Audit log"),
        ("/admin/password_change/", None),
    ],
)
def test_the_sidebar_highlights_the_current_page(path, name):
    request = RequestFactory().get(path)
    user = UserFactory(is_superuser=True)
    user.has_second_factor = True
    request.user = user

    marked = [item["title"] for group in list_groups(request) for item in group["items"] if item["active"]]
    assert marked == ([name] if name else [])


@pytest.mark.parametrize("query", ["s=a&page=x", "s=a&page=99", "s=%00", "page=1", "s=disc"])
def test_the_sidebar_search_is_never_a_server_error(owner, query):
    assert owner.get(f"/admin/search/?{query}").status_code == 200
