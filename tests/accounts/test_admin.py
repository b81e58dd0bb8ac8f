import uuid

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import selectors, services
from accounts.contracts import Role, Scope
from accounts.models import ApiKey, Brand, Customer, Invitation, Membership, User
from backoffice.base.changelists import EstimatingPaginator
from core.errors import TokenInvalid
from core.models import OutboxMessage
from tests.factories import (
    PASSWORD,
    ApiKeyFactory,
    BrandFactory,
    CustomerFactory,
    MembershipFactory,
    PromotionFactory,
    ShopperFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def as_user(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner():
    return MembershipFactory()


@pytest.fixture
def root():
    return as_user(UserFactory(is_superuser=True, username="root"))


def messages_of(response):
    """Return the messages on the page of a response."""
    return " ".join(str(message) for message in response.context["messages"]) if response.context else ""


# --- sign-in ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("account", ["ann", "ANN@example.com", "+34 600 000 000"])
def test_staff_sign_in_with_username_email_or_phone_number(client, account):
    MembershipFactory(user=UserFactory(username="ann", email="ann@example.com", phone="+34600000000"))

    response = client.post("/admin/login/?next=/admin/", {"username": account, "password": PASSWORD})

    assert (response.status_code, response.url) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


def test_shoppers_cannot_sign_in_to_the_admin(client):
    user = ShopperFactory()

    response = client.post("/admin/login/", {"username": user.username, "password": PASSWORD})

    assert response.status_code == 200
    assert "_auth_user_id" not in client.session
    assert as_user(user).get("/admin/").status_code == 302


def test_the_login_form_shows_that_attempts_are_throttled(client):
    for _ in range(10):
        client.post("/admin/login/", {"username": "ann", "password": "wrong"})

    response = client.post("/admin/login/", {"username": "ann", "password": "wrong"})

    assert response.status_code == 200
    assert "Too many requests" in response.text


def test_the_login_form_shows_that_redis_is_unavailable(client, redis_unavailable):
    response = client.post("/admin/login/", {"username": "ann", "password": "wrong"})

    assert response.status_code == 200
    assert "The service is temporarily unavailable" in response.text


def test_a_removed_owner_loses_access_at_once(owner):
    MembershipFactory(brand=owner.brand)
    client = as_user(owner.user)
    assert client.get("/admin/").status_code == 200

    services.remove_member(brand=owner.brand, user_id=owner.user.uuid)

    assert client.get("/admin/").status_code == 302


# --- permissions ---------------------------------------------------------------------------------------------------
MODEL_NAMES = ("user", "brand", "membership", "invitation", "apikey", "acceptancegrant", "customer")


@pytest.mark.parametrize(
    ("role", "visible"),
    [
        (Role.OWNER, {"brand", "membership", "invitation", "apikey", "acceptancegrant"}),
        (Role.EDITOR, {"brand"}),
        (Role.VIEWER, {"brand"}),
    ],
)
def test_each_role_sees_only_its_pages(role, visible):
    client = as_user(MembershipFactory(role=role).user)

    responses = {page: client.get(f"/admin/accounts/{page}/").status_code for page in MODEL_NAMES}

    assert responses == {page: 200 if page in visible else 403 for page in MODEL_NAMES}


def test_a_platform_admin_sees_every_page(root, owner):
    services.invite(
        brand=owner.brand, email="x@example.com", role=Role.VIEWER, invited_by=owner.user, at=timezone.now()
    )
    ApiKeyFactory(brand=owner.brand)
    ShopperFactory()

    for page in MODEL_NAMES:
        assert root.get(f"/admin/accounts/{page}/").status_code == 200
    for row in (User, Brand, Membership, Invitation, ApiKey, Customer):
        address = f"/admin/accounts/{row._meta.model_name}/{row.objects.all()[0].pk}/change/"
        assert root.get(address).status_code == 200
    for page in ("user", "brand", "membership", "invitation", "apikey"):
        assert root.get(f"/admin/accounts/{page}/add/").status_code == 200


def test_an_owner_sees_nothing_of_another_brand(owner):
    other = MembershipFactory(
        brand=BrandFactory(name="Secretive", slug="secretive"), user=UserFactory(username="stranger")
    )
    ApiKeyFactory(brand=other.brand, name="secret-key")
    services.invite(
        brand=other.brand, email="secret@example.com", role=Role.VIEWER, invited_by=other.user, at=timezone.now()
    )
    client = as_user(owner.user)

    for page in ("brand", "membership", "invitation", "apikey"):
        for address in (
            f"/admin/accounts/{page}/",
            f"/admin/accounts/{page}/?q=secret",
            f"/admin/accounts/{page}/?brand__id__exact={other.brand.pk}",
        ):
            text = client.get(address, follow=True).text
            assert not {"Secretive", "stranger", "secret-key", "secret@example.com"} & set(_split_words(text))
    for page in ("invitation", "apikey"):
        assert "Secretive" not in client.get(f"/admin/accounts/{page}/add/").text
    missing = {int: 2_000_000_000, uuid.UUID: uuid.uuid4()}
    for row in (other.brand, other, other.brand.invitations.get(), other.brand.api_keys.get()):
        name = row._meta.model_name
        for end in ("change", "delete", "history"):
            responses = [client.get(f"/admin/accounts/{name}/{pk}/{end}/") for pk in (row.pk, missing[type(row.pk)])]
            assert responses[0].status_code in (403, 404)
            assert responses[0].status_code == responses[1].status_code


def _split_words(text):
    return [word.strip('<>",.') for word in text.replace("<", " ").replace(">", " ").split()]


def test_autocomplete_lists_only_the_owners_brands(owner):
    MembershipFactory(brand=BrandFactory(slug="secretive"))
    client = as_user(owner.user)
    query = {"app_label": "accounts", "model_name": "membership", "field_name": "brand", "term": ""}

    results = client.get("/admin/autocomplete/", query).json()["results"]
    assert [result["id"] for result in results] == [str(owner.brand.pk)]
    assert client.get("/admin/autocomplete/", query | {"field_name": "user"}).status_code == 403


# --- brands ----------------------------------------------------------------------------------------------------------
BRAND_FIELDS = {
    "name": "Billo!",
    "color": "#123456",
    "timezone": "Europe/Madrid",
    "notify_email": "digests@example.com",
    "checkout_by": "shopper_reserves",
    "sso": "off",
    "language": "es",
}


def test_an_owner_edits_the_brand_but_not_its_slug_or_currency(owner):
    slug = owner.brand.slug

    response = as_user(owner.user).post(
        f"/admin/accounts/brand/{owner.brand.pk}/change/",
        BRAND_FIELDS | {"slug": "stolen", "currency": "USD", "is_active": ""},
    )

    assert response.status_code == 302
    brand = Brand.objects.get(pk=owner.brand.pk)
    assert {name: getattr(brand, name) for name in BRAND_FIELDS} == BRAND_FIELDS
    assert (brand.slug, brand.currency, brand.is_active) == (slug, "EUR", True)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_editors_and_viewers_can_only_view_their_brand(role):
    member = MembershipFactory(role=role)
    client, address = as_user(member.user), f"/admin/accounts/brand/{member.brand.pk}/change/"

    assert client.get(address).status_code == 200
    assert client.post(address, BRAND_FIELDS).status_code == 403
    assert client.get("/admin/accounts/brand/add/").status_code == 403


def test_platform_admins_create_brands(root):
    response = root.post(
        "/admin/accounts/brand/add/", BRAND_FIELDS | {"slug": "billo", "currency": "EUR", "is_active": "on"}
    )

    assert response.status_code == 302
    assert Brand.objects.get().slug == "billo"


def test_the_currency_is_read_only_once_the_brand_has_priced_objects(root):
    brand = BrandFactory(currency="EUR")

    def change(currency):
        address = f"/admin/accounts/brand/{brand.pk}/change/"
        data = BRAND_FIELDS | {"slug": "billo", "currency": currency, "is_active": "on"}
        assert root.post(address, data).status_code == 302
        brand.refresh_from_db()
        return brand.currency

    assert change("KWD") == "KWD"
    PromotionFactory(brand=brand, budget=1000)
    assert change("JPY") == "KWD"


def test_invalid_time_zones_colors_and_currencies_are_rejected(root):
    invalid = {"timezone": "Mars/Base", "color": "red", "currency": "XXY"}

    response = root.post("/admin/accounts/brand/add/", BRAND_FIELDS | {"slug": "billo", "currency": "EUR"} | invalid)

    assert set(response.context["adminform"].form.errors) == set(invalid)
    assert not Brand.objects.exists()


# --- members ---------------------------------------------------------------------------------------------------------
def test_an_owner_changes_roles_and_removes_members(owner):
    viewer = MembershipFactory(brand=owner.brand, role=Role.VIEWER)
    client = as_user(owner.user)

    client.post(f"/admin/accounts/membership/{viewer.pk}/change/", {"role": "editor"})
    viewer.refresh_from_db()
    assert viewer.role == "editor"

    client.post(f"/admin/accounts/membership/{viewer.pk}/delete/", {"post": "yes"})
    assert list(Membership.objects.all()) == [owner]


def test_the_page_of_a_member_has_no_link_to_the_user(owner):
    page = as_user(owner.user).get(f"/admin/accounts/membership/{owner.pk}/change/").content.decode()

    assert owner.user.username in page
    assert "/admin/accounts/user/" not in page


def test_removing_the_last_owner_shows_an_error(owner):
    client = as_user(owner.user)
    page = f"/admin/accounts/membership/{owner.pk}"
    delete_all = {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"}

    for address, body in [
        (f"{page}/change/", {"role": "viewer"}),
        (f"{page}/delete/", {"post": "yes"}),
        ("/admin/accounts/membership/", delete_all),
    ]:
        response = client.post(address, body, follow=True)
        assert response.status_code == 200
        assert "at least one owner" in messages_of(response)
    assert Membership.objects.get().role == "owner"


def test_only_platform_admins_add_members_without_an_invitation(owner, root):
    other = UserFactory()
    body = {"brand": owner.brand.pk, "user": other.pk, "role": "editor"}

    assert as_user(owner.user).post("/admin/accounts/membership/add/", body).status_code == 403
    assert root.post("/admin/accounts/membership/add/", body).status_code == 302
    assert other.memberships.get().role == "editor"


# --- invitations -----------------------------------------------------------------------------------------------------
def test_an_owner_creates_resends_and_cancels_an_invitation(owner, run_outbox):
    client = as_user(owner.user)

    client.post(
        "/admin/accounts/invitation/add/", {"brand": owner.brand.pk, "email": "new@example.com", "role": "viewer"}
    )
    invitation = Invitation.objects.get()
    assert (invitation.invited_by, invitation.role) == (owner.user, "viewer")
    client.post("/admin/accounts/invitation/", {"action": "resend", "_selected_action": [invitation.pk]})
    run_outbox()
    assert [message.to for message in mail.outbox] == [["new@example.com"]] * 2

    client.post(f"/admin/accounts/invitation/{invitation.pk}/delete/", {"post": "yes"})
    assert not Invitation.objects.exists()


def test_an_owner_cannot_invite_to_another_brand(owner):
    other = BrandFactory()

    response = as_user(owner.user).post(
        "/admin/accounts/invitation/add/", {"brand": other.pk, "email": "me@example.com", "role": "owner"}
    )

    assert "brand" in response.context["adminform"].form.errors
    assert not Invitation.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_an_accepted_invitation_cannot_be_deleted(owner):
    invitation = services.invite(
        brand=owner.brand, email="x@example.com", role=Role.VIEWER, invited_by=owner.user, at=timezone.now()
    )
    services.accept_invitation(invitation=invitation, user=UserFactory(email=invitation.email), at=timezone.now())

    response = as_user(owner.user).post(f"/admin/accounts/invitation/{invitation.pk}/delete/", {"post": "yes"})

    assert response.status_code == 403
    assert Invitation.objects.exists()


# --- keys ------------------------------------------------------------------------------------------------------------
def test_a_new_api_key_is_shown_once(owner):
    client = as_user(owner.user)

    response = client.post("/admin/accounts/apikey/add/", {"brand": owner.brand.pk, "name": "shop", "scopes": ["read"]})

    assert (response.status_code, "no-store" in response.headers["Cache-Control"]) == (200, True)
    text = response.context["key"].text
    assert text in response.text
    assert services.authenticate_api_key(text=text, address="", at=timezone.now()).brand_id == owner.brand.pk
    secret = text.rpartition("_")[2]
    for page in ("", f"{ApiKey.objects.get().pk}/change/", f"{ApiKey.objects.get().pk}/history/"):
        assert secret not in client.get(f"/admin/accounts/apikey/{page}").text
    assert secret not in str(client.cookies) + str(client.session.items())


def test_the_only_brand_of_an_owner_is_selected(owner):
    client = as_user(owner.user)
    assert client.get("/admin/accounts/apikey/add/").context["adminform"].form["brand"].value() == owner.brand_id

    MembershipFactory(user=owner.user, brand=BrandFactory(slug="tea"))
    assert client.get("/admin/accounts/apikey/add/").context["adminform"].form["brand"].value() is None


@pytest.mark.parametrize("brand", ["", "other"])
def test_an_owner_creates_api_keys_only_for_the_own_brand(owner, brand):
    body = {"brand": brand and BrandFactory().pk, "name": "shop", "scopes": ["read"]}

    response = as_user(owner.user).post("/admin/accounts/apikey/add/", body)

    assert "brand" in response.context["adminform"].form.errors
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("scope", [Scope.CHECKOUT, Scope.INTERNAL])
def test_a_platform_admin_creates_api_keys_of_the_platform(root, scope):
    root.post("/admin/accounts/apikey/add/", {"brand": "", "scopes": [scope], "name": "data platform"})

    assert ApiKey.objects.get().scopes == [scope]


@pytest.mark.parametrize(
    ("has_brand", "scopes", "limited"),
    [
        (True, ["internal"], False), (True, ["read", "internal"], False), (False, ["read"], False),
        (False, ["checkout", "internal"], False), (True, ["read"], True), (False, ["checkout"], True),
    ],
)  # fmt: skip
def test_the_scopes_of_an_api_key_fit_its_brand(root, has_brand, scopes, limited):
    brand = BrandFactory().pk
    body = {"brand": brand if has_brand else "", "scopes": scopes, "internal_brands": [brand] if limited else []}

    response = root.post("/admin/accounts/apikey/add/", body | {"name": "key"})

    errors = str(response.context["adminform"].form.errors)
    assert ("can be limited to brands" if limited else "Internal API") in errors
    assert not ApiKey.objects.exists()


def test_an_internal_api_key_can_be_limited_to_brands(root):
    brand = BrandFactory(name="Billo")

    body = {"scopes": ["internal"], "internal_brands": [brand.pk], "name": "crm", "brand": ""}
    root.post("/admin/accounts/apikey/add/", body)

    key = ApiKey.objects.get()
    assert key.internal_brands == [brand.pk]
    assert "Billo" in root.get(f"/admin/accounts/apikey/{key.pk}/change/").text


def test_an_owner_chooses_scopes_addresses_and_expiry_of_a_brands_key(owner):
    client = as_user(owner.user)
    addresses = "203.0.113.0/24\n2001:db8::1"
    body = {"brand": owner.brand.pk, "name": "shop", "expires_at": "2999-12-31", "addresses": addresses}

    for scopes, changes in [("internal", {}), ("read", {"addresses": "here"}), ("read", {"expires_at": "2001-01-01"})]:
        response = client.post("/admin/accounts/apikey/add/", body | {"scopes": [scopes]} | changes)
        assert response.context["adminform"].form.errors
    response = client.post("/admin/accounts/apikey/add/", body | {"scopes": ["read", "export"]})

    assert response.status_code == 200
    key = ApiKey.objects.get()
    assert (key.scopes, key.addresses) == (["read", "export"], ["203.0.113.0/24", "2001:db8::1/128"])
    assert (str(key.expires_at), key.created_by) == ("3000-01-01 00:00:00+00:00", owner.user)
    text = client.get(f"/admin/accounts/apikey/{key.pk}/change/").text
    assert "Read, Export codes" in text
    assert str(owner.user) in text


def test_an_api_key_is_rolled_after_its_effect_was_shown(owner):
    key, other = ApiKeyFactory(brand=owner.brand, name="shop", scopes=["read"]), ApiKeyFactory()
    client, path = as_user(owner.user), f"/admin/accounts/apikey/{key.pk}/roll/"

    page = client.get(path)
    assert "What will happen" in page.text
    assert ApiKey.objects.count() == 2
    assert client.post(path, {"overlap": "9999"}).status_code == 200
    assert ApiKey.objects.count() == 2
    response = client.post(path, {"overlap": "1"})

    assert "no-store" in response.headers["Cache-Control"]
    new = ApiKey.objects.get(replaces=key)
    assert (
        services.authenticate_api_key(text=response.context["key"].text, address="", at=timezone.now()).api_key_id
        == new.pk
    )
    assert client.post(path, {"overlap": "1"}).status_code == 302
    assert ApiKey.objects.filter(replaces=key).count() == 1
    assert "/roll/" not in client.get(f"/admin/accounts/apikey/{key.pk}/change/").text
    assert client.get(f"/admin/accounts/apikey/{other.pk}/roll/").status_code == 404
    viewer = as_user(MembershipFactory(brand=owner.brand, role=Role.VIEWER).user)
    assert viewer.post(path, {"overlap": "1"}).status_code in (403, 404)


def test_the_keys_of_a_removed_member_are_marked(owner, root):
    member = MembershipFactory(brand=owner.brand, role=Role.OWNER, user=UserFactory(username="leaver"))
    ApiKeyFactory(brand=owner.brand, created_by=member.user)
    client = as_user(owner.user)
    assert "no longer a member" not in client.get("/admin/accounts/apikey/").text

    response = client.post(f"/admin/accounts/membership/{member.pk}/delete/", {"post": "yes"}, follow=True)

    assert "leaver created 1 API key that still works." in response.text
    assert "leaver (no longer a member)" in client.get("/admin/accounts/apikey/").text


def test_an_api_key_is_revoked_but_never_changed_or_deleted(owner):
    key, other = ApiKeyFactory(brand=owner.brand), ApiKeyFactory()
    client = as_user(owner.user)

    client.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [key.pk, other.pk]})

    key.refresh_from_db()
    other.refresh_from_db()
    assert key.revoked_at is not None
    assert other.revoked_at is None
    assert client.post(f"/admin/accounts/apikey/{key.pk}/change/", {"name": "x"}).status_code == 403
    assert client.post(f"/admin/accounts/apikey/{key.pk}/delete/", {"post": "yes"}).status_code == 403


# --- users and customers ---------------------------------------------------------------------------------------------
def test_a_user_created_in_the_admin_has_a_password_and_a_customer(root):
    body = {"username": "ann", "email": "ann@example.com", "phone": "+34 600 000 000", "usable_password": "true"}

    response = root.post(
        "/admin/accounts/user/add/", body | {"password1": "correct-horse-7", "password2": "correct-horse-7"}
    )

    assert response.status_code == 302
    user = User.objects.get(username="ann")
    assert selectors.user_of_account("ann@example.com") == user
    assert (user.phone, user.customer.customer_id) == ("+34600000000", f"u-{user.uuid}")
    assert user.check_password("correct-horse-7")


def test_two_users_can_have_no_phone_number(root):
    for name in ("ann", "bob"):
        body = {"username": name, "email": "", "phone": "", "usable_password": "false"}
        assert root.post("/admin/accounts/user/add/", body).status_code == 302


@pytest.mark.parametrize(
    "changes",
    [
        {"username": "TAKEN"},
        {"email": "TAKEN@example.com"},
        {"phone": "600"},
        {"username": "a@b"},
        {"username": "+34600"},
    ],
)
def test_an_invalid_user_is_rejected_in_the_form(root, changes):
    UserFactory(username="taken")
    body = {"username": "ann", "email": "ann@example.com", "phone": "", "usable_password": "false"}

    response = root.post("/admin/accounts/user/add/", body | changes)

    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert User.objects.count() == 2


def test_no_page_of_a_user_shows_the_password_hash(root):
    user = UserFactory()

    for page in ("", f"{user.pk}/change/", f"{user.pk}/password/", f"{user.pk}/history/"):
        text = root.get(f"/admin/accounts/user/{page}").text
        assert "md5" not in text.lower()
        assert user.password not in text


def test_the_page_of_a_user_lists_the_brands_that_may_write(root):
    user = ShopperFactory()
    brands = [BrandFactory(name=name) for name in ("Granted", "Withdrawn")]
    services.change_user(user=user, consents=dict.fromkeys(brands, True), at=timezone.now())
    services.change_user(user=user, consents={brands[1]: False}, at=timezone.now())

    text = root.get(f"/admin/accounts/user/{user.pk}/change/").text

    assert "Granted" in text
    assert "Withdrawn" not in text


def test_a_password_set_in_the_admin_invalidates_refresh_tokens(root, at):
    user = UserFactory()
    refresh = services.tokens_for(user=user, at=timezone.now()).refresh

    body = {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"}
    root.post(f"/admin/accounts/user/{user.pk}/password/", body)

    user.refresh_from_db()
    assert user.check_password("correct-horse-7")
    with pytest.raises(TokenInvalid):
        services.refresh(token=refresh, at=timezone.now())


def test_users_cannot_be_deleted(root):
    user = UserFactory()

    assert root.post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()


def test_users_are_found_by_exact_username_or_email(root):
    UserFactory(username="ann", email="ann@example.com")
    UserFactory(username="annabel")

    for term, expected in [("ann", ["ann"]), ("ann@example.com", ["ann"]), ("anna", [])]:
        response = root.get("/admin/accounts/user/", {"q": term})
        assert [user.username for user in response.context["cl"].result_list] == expected


def test_customers_are_found_by_id_prefix_without_a_count_query(root):
    for name in ("c1", "c12", "d1"):
        CustomerFactory(customer_id=name)

    with CaptureQueriesContext(connection) as queries:
        response = root.get("/admin/accounts/customer/", {"q": "c1"})

    assert {customer.customer_id for customer in response.context["cl"].result_list} == {"c1", "c12"}
    assert not [query for query in queries if "COUNT(" in query["sql"].upper()]
    assert any("LIKE 'c1%'" in query["sql"] for query in queries)


def test_the_paginator_limits_the_number_of_pages(monkeypatch):
    CustomerFactory.create_batch(5)
    pages = EstimatingPaginator(Customer.objects.order_by("pk"), 2)
    assert (pages.count, pages.num_pages) == (5, 3)

    monkeypatch.setattr(EstimatingPaginator, "MAX_PAGES", 2)
    assert EstimatingPaginator(Customer.objects.order_by("pk"), 2).num_pages == 2


def test_customers_are_read_only(root):
    customer = CustomerFactory()

    assert root.get("/admin/accounts/customer/add/").status_code == 403
    assert root.post(f"/admin/accounts/customer/{customer.pk}/change/", {"customer_id": "x"}).status_code == 403
    assert root.post(f"/admin/accounts/customer/{customer.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", ["membership", "invitation"])
def test_new_staff_are_viewers_unless_another_role_is_selected(model: str) -> None:
    client = Client()
    client.force_login(UserFactory(is_superuser=True))

    form = client.get(f"/admin/accounts/{model}/add/").context["adminform"].form

    assert form["role"].value() == Role.VIEWER
