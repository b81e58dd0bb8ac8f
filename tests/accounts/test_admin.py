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
from backoffice.base.admin import EstimatingPaginator
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


def told(answer):
    """The messages on the page that an answer leads to."""
    return " ".join(str(message) for message in answer.context["messages"]) if answer.context else ""


# --- signing in ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("account", ["ann", "ANN@example.com", "+34 600 000 000"])
def test_staff_sign_in_by_any_of_their_names(client, account):
    MembershipFactory(user=UserFactory(username="ann", email="ann@example.com", phone="+34600000000"))

    answer = client.post("/admin/login/?next=/admin/", {"username": account, "password": PASSWORD})

    assert (answer.status_code, answer.url) == (302, "/admin/")
    assert client.get("/admin/").status_code == 200


def test_shoppers_do_not_come_in(client):
    user = ShopperFactory()

    answer = client.post("/admin/login/", {"username": user.username, "password": PASSWORD})

    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session
    assert as_user(user).get("/admin/").status_code == 302


def test_too_many_tries_are_told_in_the_form(client):
    for _ in range(10):
        client.post("/admin/login/", {"username": "ann", "password": "wrong"})

    answer = client.post("/admin/login/", {"username": "ann", "password": "wrong"})

    assert answer.status_code == 200
    assert "Too many requests" in answer.text


def test_the_form_says_so_while_redis_is_away(client, redis_away):
    answer = client.post("/admin/login/", {"username": "ann", "password": "wrong"})

    assert answer.status_code == 200
    assert "is away at the moment" in answer.text


def test_an_owner_whose_brand_took_them_off_is_out_at_once(owner):
    MembershipFactory(brand=owner.brand)
    client = as_user(owner.user)
    assert client.get("/admin/").status_code == 200

    services.remove_member(brand=owner.brand, user_id=owner.user.uuid)

    assert client.get("/admin/").status_code == 302


# --- who sees what ---------------------------------------------------------------------------------------------------
PAGES = ("user", "brand", "membership", "invitation", "apikey", "customer")


@pytest.mark.parametrize(
    ("role", "seen"),
    [(Role.OWNER, {"brand", "membership", "invitation", "apikey"}), (Role.EDITOR, {"brand"}), (Role.VIEWER, {"brand"})],
)
def test_each_role_sees_its_pages(role, seen):
    client = as_user(MembershipFactory(role=role).user)

    answers = {page: client.get(f"/admin/accounts/{page}/").status_code for page in PAGES}

    assert answers == {page: 200 if page in seen else 403 for page in PAGES}


def test_a_platform_admin_sees_every_page(root, owner):
    services.invite(
        brand=owner.brand, email="x@example.com", role=Role.VIEWER, invited_by=owner.user, at=timezone.now()
    )
    ApiKeyFactory(brand=owner.brand)
    ShopperFactory()

    for page in PAGES:
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
            assert not {"Secretive", "stranger", "secret-key", "secret@example.com"} & set(_words(text))
    for page in ("invitation", "apikey"):
        assert "Secretive" not in client.get(f"/admin/accounts/{page}/add/").text
    nobodys = {int: 2_000_000_000, uuid.UUID: uuid.uuid4()}
    for row in (other.brand, other, other.brand.invitations.get(), other.brand.api_keys.get()):
        name = row._meta.model_name
        for end in ("change", "delete", "history"):
            answers = [client.get(f"/admin/accounts/{name}/{pk}/{end}/") for pk in (row.pk, nobodys[type(row.pk)])]
            assert answers[0].status_code in (403, 404)
            assert answers[0].status_code == answers[1].status_code


def _words(text):
    return [word.strip('<>",.') for word in text.replace("<", " ").replace(">", " ").split()]


def test_the_choosers_offer_an_owner_their_own_brands_alone(owner):
    MembershipFactory(brand=BrandFactory(slug="secretive"))
    client = as_user(owner.user)
    ask = {"app_label": "accounts", "model_name": "membership", "field_name": "brand", "term": ""}

    assert [one["id"] for one in client.get("/admin/autocomplete/", ask).json()["results"]] == [str(owner.brand.pk)]
    assert client.get("/admin/autocomplete/", ask | {"field_name": "user"}).status_code == 403


# --- brands ----------------------------------------------------------------------------------------------------------
FACE = {"name": "Billo!", "color": "#123456", "timezone": "Europe/Madrid", "notify_email": "uses@example.com"}


def test_an_owner_changes_their_brands_face_but_not_its_address(owner):
    slug = owner.brand.slug

    answer = as_user(owner.user).post(
        f"/admin/accounts/brand/{owner.brand.pk}/change/", FACE | {"slug": "stolen", "currency": "USD", "is_active": ""}
    )

    assert answer.status_code == 302
    brand = Brand.objects.get(pk=owner.brand.pk)
    assert {name: getattr(brand, name) for name in FACE} == FACE
    assert (brand.slug, brand.currency, brand.is_active) == (slug, "EUR", True)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_other_staff_read_their_brand(role):
    member = MembershipFactory(role=role)
    client, address = as_user(member.user), f"/admin/accounts/brand/{member.brand.pk}/change/"

    assert client.get(address).status_code == 200
    assert client.post(address, FACE).status_code == 403
    assert client.get("/admin/accounts/brand/add/").status_code == 403


def test_brands_are_made_by_platform_admins(root):
    answer = root.post("/admin/accounts/brand/add/", FACE | {"slug": "billo", "currency": "EUR", "is_active": "on"})

    assert answer.status_code == 302
    assert Brand.objects.get().slug == "billo"


def test_a_brands_currency_stays_once_amounts_are_meant_in_it(root):
    brand = BrandFactory(currency="EUR")

    def change(currency):
        address = f"/admin/accounts/brand/{brand.pk}/change/"
        asked = FACE | {"slug": "billo", "currency": currency, "is_active": "on"}
        assert root.post(address, asked).status_code == 302
        brand.refresh_from_db()
        return brand.currency

    assert change("KWD") == "KWD"
    PromotionFactory(brand=brand, budget=1000)
    assert change("JPY") == "KWD"


def test_what_is_no_time_zone_color_or_currency_is_refused(root):
    faults = {"timezone": "Mars/Base", "color": "red", "currency": "XXY"}

    answer = root.post("/admin/accounts/brand/add/", FACE | {"slug": "billo", "currency": "EUR"} | faults)

    assert set(answer.context["adminform"].form.errors) == set(faults)
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


def test_a_members_page_links_to_no_page_that_owners_cannot_see(owner):
    page = as_user(owner.user).get(f"/admin/accounts/membership/{owner.pk}/change/").content.decode()

    assert owner.user.username in page
    assert "/admin/accounts/user/" not in page


def test_the_last_owner_is_kept_with_a_word(owner):
    client = as_user(owner.user)
    page = f"/admin/accounts/membership/{owner.pk}"
    delete_all = {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"}

    for address, body in [
        (f"{page}/change/", {"role": "viewer"}),
        (f"{page}/delete/", {"post": "yes"}),
        ("/admin/accounts/membership/", delete_all),
    ]:
        answer = client.post(address, body, follow=True)
        assert answer.status_code == 200
        assert "at least one owner" in told(answer)
    assert Membership.objects.get().role == "owner"


def test_owners_do_not_add_members_without_an_invitation(owner, root):
    other = UserFactory()
    body = {"brand": owner.brand.pk, "user": other.pk, "role": "editor"}

    assert as_user(owner.user).post("/admin/accounts/membership/add/", body).status_code == 403
    assert root.post("/admin/accounts/membership/add/", body).status_code == 302
    assert other.memberships.get().role == "editor"


# --- invitations -----------------------------------------------------------------------------------------------------
def test_an_owner_invites_sends_again_and_cancels(owner, run_outbox):
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


def test_nobody_invites_to_another_brand(owner):
    other = BrandFactory()

    answer = as_user(owner.user).post(
        "/admin/accounts/invitation/add/", {"brand": other.pk, "email": "me@example.com", "role": "owner"}
    )

    assert "brand" in answer.context["adminform"].form.errors
    assert not Invitation.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_an_accepted_invitation_stays_as_a_record(owner):
    invitation = services.invite(
        brand=owner.brand, email="x@example.com", role=Role.VIEWER, invited_by=owner.user, at=timezone.now()
    )
    services.accept_invitation(invitation=invitation, user=UserFactory(), at=timezone.now())

    answer = as_user(owner.user).post(f"/admin/accounts/invitation/{invitation.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert Invitation.objects.exists()


# --- keys ------------------------------------------------------------------------------------------------------------
def test_a_new_key_is_shown_once(owner):
    client = as_user(owner.user)

    answer = client.post("/admin/accounts/apikey/add/", {"brand": owner.brand.pk, "name": "shop"})

    assert (answer.status_code, "no-store" in answer.headers["Cache-Control"]) == (200, True)
    text = answer.context["key"].text
    assert text in answer.text
    assert services.authenticate_api_key(text=text, at=timezone.now()).brand_id == owner.brand.pk
    secret = text.partition(".")[2]
    for page in ("", f"{ApiKey.objects.get().pk}/change/", f"{ApiKey.objects.get().pk}/history/"):
        assert secret not in client.get(f"/admin/accounts/apikey/{page}").text
    assert secret not in str(client.cookies) + str(client.session.items())


@pytest.mark.parametrize("brand", ["", "other"])
def test_an_owner_makes_keys_of_their_own_brand_alone(owner, brand):
    body = {"brand": brand and BrandFactory().pk, "name": "shop"}

    answer = as_user(owner.user).post("/admin/accounts/apikey/add/", body)

    assert "brand" in answer.context["adminform"].form.errors
    assert not ApiKey.objects.exists()


def test_a_platform_admin_makes_internal_keys(root):
    root.post("/admin/accounts/apikey/add/", {"brand": "", "name": "data platform"})

    assert ApiKey.objects.get().scope == Scope.INTERNAL


def test_a_key_is_revoked_but_never_changed_or_deleted(owner):
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
def test_a_user_made_by_a_platform_admin_signs_in_and_shops(root):
    body = {"username": "ann", "email": "ann@example.com", "phone": "+34 600 000 000", "usable_password": "true"}

    answer = root.post(
        "/admin/accounts/user/add/", body | {"password1": "correct-horse-7", "password2": "correct-horse-7"}
    )

    assert answer.status_code == 302
    user = User.objects.get(username="ann")
    assert selectors.user_of_account("ann@example.com") == user
    assert (user.phone, user.customer.customer_id) == ("+34600000000", f"u-{user.uuid}")
    assert user.check_password("correct-horse-7")


def test_two_users_without_a_phone_number_are_no_conflict(root):
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
def test_a_user_who_cannot_be_is_refused_in_the_form(root, changes):
    UserFactory(username="taken")
    body = {"username": "ann", "email": "ann@example.com", "phone": "", "usable_password": "false"}

    answer = root.post("/admin/accounts/user/add/", body | changes)

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert User.objects.count() == 2


def test_no_page_of_a_user_shows_a_hash(root):
    user = UserFactory()

    for page in ("", f"{user.pk}/change/", f"{user.pk}/password/", f"{user.pk}/history/"):
        text = root.get(f"/admin/accounts/user/{page}").text
        assert "md5" not in text.lower()
        assert user.password not in text


def test_consent_given_in_the_admin_has_its_time(root):
    user = UserFactory()
    body = {"username": user.username, "email": user.email, "phone": "", "is_active": "on", "marketing_consent": "on"}

    root.post(f"/admin/accounts/user/{user.pk}/change/", body)

    user.refresh_from_db()
    assert user.marketing_consent_at is not None


def test_a_password_set_in_the_admin_ends_sign_ins(root, at):
    user = UserFactory()
    refresh = services.tokens_for(user=user, at=timezone.now()).refresh

    body = {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"}
    root.post(f"/admin/accounts/user/{user.pk}/password/", body)

    user.refresh_from_db()
    assert user.check_password("correct-horse-7")
    with pytest.raises(TokenInvalid):
        services.refresh(token=refresh, at=timezone.now())


def test_users_are_shut_out_rather_than_deleted(root):
    user = UserFactory()

    assert root.post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()


def test_a_user_is_found_by_a_whole_name(root):
    UserFactory(username="ann", email="ann@example.com")
    UserFactory(username="annabel")

    for term, found in [("ann", ["ann"]), ("ann@example.com", ["ann"]), ("anna", [])]:
        answer = root.get("/admin/accounts/user/", {"q": term})
        assert [user.username for user in answer.context["cl"].result_list] == found


def test_customers_are_found_by_the_beginning_of_their_id_and_never_counted(root):
    for name in ("c1", "c12", "d1"):
        CustomerFactory(customer_id=name)

    with CaptureQueriesContext(connection) as queries:
        answer = root.get("/admin/accounts/customer/", {"q": "c1"})

    assert {customer.customer_id for customer in answer.context["cl"].result_list} == {"c1", "c12"}
    assert not [query for query in queries if "COUNT(" in query["sql"].upper()]
    assert any("LIKE 'c1%'" in query["sql"] for query in queries)


def test_a_big_table_is_counted_by_estimate_and_leafed_through_so_far(monkeypatch):
    CustomerFactory.create_batch(5)
    pages = EstimatingPaginator(Customer.objects.order_by("pk"), 2)
    assert (pages.count, pages.num_pages) == (5, 3)

    monkeypatch.setattr(EstimatingPaginator, "MAX_PAGES", 2)
    assert EstimatingPaginator(Customer.objects.order_by("pk"), 2).num_pages == 2


def test_customers_are_looked_at_and_not_touched(root):
    customer = CustomerFactory()

    assert root.get("/admin/accounts/customer/add/").status_code == 403
    assert root.post(f"/admin/accounts/customer/{customer.pk}/change/", {"customer_id": "x"}).status_code == 403
    assert root.post(f"/admin/accounts/customer/{customer.pk}/delete/", {"post": "yes"}).status_code == 403
