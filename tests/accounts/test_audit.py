"""The audit log: who signed in, failed to, read and exported what, from which address, and for which brand."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.contracts import Role, Scope
from accounts.models import AccessEvent, ApiKey, Brand, Customer, User
from core.privacy import Erasure, list_tables
from tests.factories import PASSWORD, ApiKeyFactory, BrandFactory, MembershipFactory, ShopperFactory, UserFactory
from tests.second_factors import add_app, show_code, wrong_code

pytestmark = pytest.mark.django_db
TOKEN, LOGOUT = "/api/v1/auth/token/", "/api/v1/auth/logout/"
ADDRESS = "203.0.113.7"
CODE_PAGE = "/accounts/second-factor/sign-in/"
ClientOf = Callable[[Any], Client]


def browser() -> Client:
    return Client(REMOTE_ADDR=ADDRESS)


def post(path: str, **body: Any) -> Any:
    return browser().post(path, body, content_type="application/json")


def read_log() -> list[tuple[str, int | None, str, str | None]]:
    """Return the label, the account, the subject and the address of each event, oldest first."""
    events = AccessEvent.objects.select_related("pgh_context").order_by("pgh_id")
    return [
        (
            event.pgh_label,
            event.pgh_obj_id,
            event.subject,
            event.pgh_context.metadata.get("address") if event.pgh_context else None,
        )
        for event in events
    ]


@pytest.fixture
def user() -> User:
    return UserFactory(username="ann")


# --- sign-ins ---------------------------------------------------------------------------------------------------------
def test_sign_ins_by_token_and_their_end_are_recorded(user: User) -> None:
    tokens = post(TOKEN, account="ann", password=PASSWORD).json()
    for _ in range(2):  # the second one ends nothing
        post(LOGOUT, refresh=tokens["refresh"])

    assert read_log() == [("signed_in", user.pk, "pwd", ADDRESS), ("signed_out", user.pk, "", ADDRESS)]
    assert AccessEvent.objects.first().pgh_context.metadata["user"] == user.pk


def test_failures_are_recorded_without_the_name_of_an_unknown_account(user: User) -> None:
    for account in ("ann", "nobody@secret.example"):
        assert post(TOKEN, account=account, password="wrong").status_code == 401

    assert read_log() == [("sign_in_failed", key, "pwd", ADDRESS) for key in (user.pk, None)]
    assert "secret" not in str(list(AccessEvent.objects.values("subject", "pgh_context__metadata")))


def test_second_factors_are_recorded(user: User) -> None:
    secret = add_app(user)
    for code in (wrong_code(secret), show_code(secret)):
        post(TOKEN, account="ann", password=PASSWORD, otp=code)

    assert read_log() == [
        ("factor_failed", user.pk, "otp", ADDRESS),
        ("factor_used", user.pk, "totp", ADDRESS),
        ("signed_in", user.pk, "otp pwd", ADDRESS),
    ]


def test_a_reused_refresh_token_is_recorded_once_as_an_end(user: User) -> None:
    first = post(TOKEN, account="ann", password=PASSWORD).json()["refresh"]
    for _ in range(3):
        post("/api/v1/auth/token/refresh/", refresh=first)

    assert read_log()[1:] == [("signed_out", user.pk, "token_reused", ADDRESS)]


def test_sessions_of_the_admin_are_recorded() -> None:
    member = MembershipFactory(user=UserFactory(username="olga")).user
    secret = add_app(member)
    client = browser()
    form = {"username": "olga", "password": "wrong", "next": "/admin/"}

    client.post("/admin/login/", form)
    client.post("/admin/login/", form | {"password": PASSWORD})
    client.post(CODE_PAGE, {"code": wrong_code(secret)})
    client.post(CODE_PAGE, {"code": show_code(secret)})
    client.post(reverse("account_logout"))

    assert read_log() == [
        ("sign_in_failed", member.pk, "pwd", ADDRESS),
        ("factor_failed", member.pk, "otp", ADDRESS),
        ("factor_used", member.pk, "totp", ADDRESS),
        ("signed_in", member.pk, "session otp pwd", ADDRESS),
        ("signed_out", member.pk, "session", ADDRESS),
    ]


def test_the_sign_out_of_the_admin_is_recorded() -> None:
    member = MembershipFactory().user
    client = browser()
    client.force_login(member)

    client.post(reverse("admin:logout"))

    assert read_log()[-1] == ("signed_out", member.pk, "session", ADDRESS)


def test_a_sign_in_at_the_campaign_login_is_recorded_with_its_address() -> None:
    user = ShopperFactory(username="ann")
    for password in ("wrong", PASSWORD):
        post("/api/login-campaign", account="ann", password=password)

    assert read_log() == [
        ("sign_in_failed", user.pk, "pwd", ADDRESS),
        ("signed_in", user.pk, "pwd", ADDRESS),
    ]


# --- reads and exports ------------------------------------------------------------------------------------------------
def test_a_server_that_reads_a_customer_is_recorded_with_its_key_and_brand() -> None:
    brand: Brand = BrandFactory(slug="billo")
    key = ApiKeyFactory(brand=brand, scopes=[Scope.CHECKOUT.value])
    client = Client(headers={"Authorization": f"Api-Key {key.text}"}, REMOTE_ADDR=ADDRESS)
    path = "/api/v1/customers/c-77/"
    client.put(path, {"email": "c77@example.com"}, content_type="application/json")

    assert client.get(path).status_code == 200
    assert client.get("/api/v1/customers/nobody/").status_code == 404

    event = AccessEvent.objects.select_related("pgh_context").get()
    customer = Customer.objects.get(customer_id="c-77")
    assert (event.pgh_label, event.brand_id, event.customer_id) == ("read", brand.pk, customer.pk)
    assert event.pgh_context.metadata == {
        "user": None, "api_key": str(key.pk), "address": ADDRESS, "url": "/api/v1/customers/<customer_id>/",
    }  # fmt: skip


def test_every_page_of_the_admin_with_contact_data_records_its_readers() -> None:
    root = UserFactory(is_superuser=True)
    client = browser()
    client.force_login(root)
    ShopperFactory()
    AccessEvent.objects.all().delete()
    scrubbed = {
        table.model_class
        for table in list_tables()
        for column in table.columns
        if column.erasure in (Erasure.SCRUBBED, Erasure.DELETED)
    }
    orders = "checkout.Redemption"  # whose pages are those of the search
    pages = [
        model._meta for model in admin.site._registry if model in scrubbed | {Customer} and model._meta.label != orders
    ]
    assert {User, Customer} <= {page.model for page in pages}

    for page in pages:
        client.get(reverse(f"admin:{page.app_label}_{page.model_name}_changelist"))
    client.get(reverse("admin:accounts_user_change", args=[root.pk]))

    subjects = [subject for label, _, subject, _ in read_log() if label == "read"]
    assert subjects == [
        *(f"admin:{page.app_label}_{page.model_name}_changelist" for page in pages),
        f"admin:accounts_user_change {root.pk}",
    ]


def test_an_export_is_recorded_for_the_brand_of_the_reader() -> None:
    member = MembershipFactory(brand=BrandFactory(slug="billo"))
    client = browser()
    client.force_login(member.user)

    assert client.get("/admin/redemptions/export/").status_code == 200

    event = AccessEvent.objects.latest("pgh_id")
    assert (event.pgh_label, event.brand_id, event.subject) == ("exported", member.brand_id, "redemption-export")
    assert event.pgh_context.metadata["user"] == member.user_id


# --- the page ---------------------------------------------------------------------------------------------------------
def test_owners_see_who_read_what_of_their_brand_and_nobody_else_does() -> None:
    brand: Brand = BrandFactory(slug="billo")
    key: ApiKey = ApiKeyFactory(brand=brand, name="till", scopes=[Scope.CHECKOUT.value])
    server = Client(headers={"Authorization": f"Api-Key {key.text}"}, REMOTE_ADDR=ADDRESS)  # type: ignore[attr-defined]
    server.put("/api/v1/customers/c-1/", {}, content_type="application/json")
    server.get("/api/v1/customers/c-1/")
    readers = {
        "owner": MembershipFactory(brand=brand, role=Role.OWNER).user,
        "viewer": MembershipFactory(brand=brand, role=Role.VIEWER).user,
        "stranger": MembershipFactory().user,
    }
    seen = {}
    for name, reader in readers.items():
        client = Client()
        client.force_login(reader)
        rows = client.get("/admin/log/?how=read").context["rows"]
        seen[name] = [(row["object_type"], row["user"], row["address"]) for row in rows]

    assert seen == {"owner": [("Access", str(key), ADDRESS)], "viewer": [], "stranger": []}


# --- erasure ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_an_erasure_removes_the_addresses_of_a_person_and_keeps_the_events() -> None:
    gone, kept = ShopperFactory(username="gone"), ShopperFactory(username="kept")
    for name in ("gone", "kept"):
        tokens = post(TOKEN, account=name, password=PASSWORD).json()
        client = Client(headers={"Authorization": f"Bearer {tokens['access']}"}, REMOTE_ADDR=ADDRESS)
        client.patch("/api/v1/me/", {"language": "de"}, content_type="application/json")

    services.request_erasure(customer_id=gone.customer.customer_id, at=timezone.now())
    while services.run_erasures():
        pass

    assert [(label, user) for label, user, _, _ in read_log()][:2] == [
        ("signed_in", gone.pk),
        ("signed_in", kept.pk),
    ]
    assert [address for _, user, _, address in read_log() if user == gone.pk and address] == []
    assert [address for _, user, _, address in read_log() if user == kept.pk] == [ADDRESS]
    contexts = gone.events.model.objects.filter(pgh_obj=gone, pgh_context__isnull=False)
    assert contexts.exists()
    assert not contexts.filter(pgh_context__metadata__has_key="address").exists()
