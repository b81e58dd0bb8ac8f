"""Second factors in the admin: set-up, sign-in, what the password alone can't do, and lost factors."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts import selectors, services
from accounts.contracts import Role
from accounts.errors import SecondFactorMissing
from accounts.models import ApiKey, Brand, Membership, SecondFactor, Session, TokenFamily, User
from core import redis
from tests.factories import PASSWORD, BrandFactory, MembershipFactory, ShopperFactory, UserFactory
from tests.second_factors import add_app, recovery_codes, show_code, wrong_code

pytestmark = pytest.mark.django_db
ADMIN, PAGE, CODE_PAGE = "/admin/promotions/promotion/", "/accounts/second-factor/", "/accounts/second-factor/sign-in/"
CONFIRM, PASSWORD_PAGE = "/accounts/second-factor/confirm/", "/accounts/password/"


@pytest.fixture
def user() -> User:
    """The owner of a brand that requires a second factor."""
    return MembershipFactory(brand=BrandFactory(require_second_factor=True), user=UserFactory(username="ann")).user


def send_password(user: User, client: Client | None = None, next_url: str = ADMIN) -> tuple[Client, Any]:
    """Send the sign-in form of the admin, and return the browser and the response."""
    client = client or Client()
    body = {"username": user.username, "password": PASSWORD, "next": next_url}
    return client, client.post("/admin/login/", body)


def sign_in(user: User, secret: str) -> Client:
    """Return a browser in which a user signed in with the second factor."""
    client, _response = send_password(user)
    assert client.post(CODE_PAGE, {"code": show_code(secret)}).status_code == 302
    redis.client().flushdb()  # so that the test can send the code that the app shows once more
    return client


def set_up_app(client: Client) -> str:
    """Add an app as a person does, and return its key."""
    page = client.get("/accounts/second-factor/app/add/")
    match = re.search(r'<code class="key">(\w+)</code>', page.text)
    assert match, page.text
    response: Any = client.post("/accounts/second-factor/app/add/", {"code": show_code(match[1])})
    assert (response.status_code, response.url) == (302, "/accounts/second-factor/recovery-codes/"), response.text
    return match[1]


# --- set-up -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)  # a factor counts from the commit on
def test_staff_of_a_brand_that_requires_it_set_up_a_second_factor_before_the_admin_opens(
    user: User, run_outbox: Any
) -> None:
    client, response = send_password(user)
    assert (response.status_code, response.url) == (302, ADMIN)
    page = client.get(ADMIN, follow=True)
    assert page.redirect_chain[-1][0] == f"{PAGE}?next=%2Fadmin%2Fpromotions%2Fpromotion%2F"
    assert "Your account needs a second factor." in page.text

    set_up_app(client)

    codes = client.get("/accounts/second-factor/recovery-codes/")
    assert all(code in codes.text for code in recovery_codes(user))
    assert client.get(ADMIN).status_code == 200
    again = client.get("/accounts/second-factor/recovery-codes/")
    assert not any(code in again.text for code in recovery_codes(user))
    run_outbox()
    assert [message.subject for message in mail.outbox] == ["Your second factor changed"]
    assert "An authenticator app was added to the account ann." in mail.outbox[0].body


def test_a_wrong_code_sets_up_nothing(user: User) -> None:
    client, _response = send_password(user)
    page = client.get("/accounts/second-factor/app/add/")
    secret = re.search(r'<code class="key">(\w+)</code>', page.text)[1]  # type: ignore[index]

    response = client.post("/accounts/second-factor/app/add/", {"code": wrong_code(secret)})

    assert response.status_code == 200
    assert not Authenticator.objects.exists()
    assert client.get(ADMIN).status_code == 302


def test_platform_admins_need_a_second_factor_outside_debug(settings: Any) -> None:
    client, _response = send_password(UserFactory(is_superuser=True))

    held = client.get(ADMIN, follow=True)
    settings.SECOND_FACTOR_FOR_ADMINS = False

    assert held.redirect_chain[-1][0].startswith(PAGE)
    assert client.get(ADMIN).status_code == 200


def test_others_sign_in_with_the_password(client: Client) -> None:
    client, response = send_password(MembershipFactory().user)

    assert (response.status_code, response.url) == (302, ADMIN)
    assert client.get(ADMIN).status_code == 200


def test_shoppers_are_no_staff() -> None:
    client, response = send_password(ShopperFactory())

    assert response.status_code == 200
    assert "_auth_user_id" not in client.session


# --- sign-in ----------------------------------------------------------------------------------------------------------
def test_a_sign_in_has_two_steps(user: User) -> None:
    secret = add_app(user)

    client, response = send_password(user)
    assert (response.status_code, response.url) == (302, CODE_PAGE)
    assert "_auth_user_id" not in client.session
    assert client.get(ADMIN).status_code == 302
    wrong = client.post(CODE_PAGE, {"code": wrong_code(secret)})
    right: Any = client.post(CODE_PAGE, {"code": show_code(secret)})

    assert wrong.status_code == 200
    assert "Incorrect code, or one that was used." in wrong.text
    assert (right.status_code, right.url) == (302, ADMIN)
    assert client.get(ADMIN).status_code == 200


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_counts_once(user: User, kind: str) -> None:
    secret = add_app(user)
    code = show_code(secret) if kind == "app" else recovery_codes(user)[3]
    first, second = send_password(user)[0], send_password(user)[0]

    statuses = [client.post(CODE_PAGE, {"code": code}).status_code for client in (first, second)]

    assert statuses == [302, 200]
    assert second.get(ADMIN).status_code == 302


@pytest.mark.parametrize("code", ["", " ", "\0", "\uff11\uff12\uff13\uff14\uff15\uff16", "-1", "a" * 5000, "0" * 20])
def test_strange_codes_are_wrong(user: User, code: str) -> None:
    add_app(user)
    client, _response = send_password(user)

    assert client.post(CODE_PAGE, {"code": code}).status_code == 200
    assert "_auth_user_id" not in client.session


def test_codes_cannot_be_guessed(user: User, settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"second_factor": "3/hour closed"}
    secret = add_app(user)
    client = Client()
    for _attempt in range(3):
        send_password(user, client)
        client.post(CODE_PAGE, {"code": wrong_code(secret)})

    response = client.post(CODE_PAGE, {"code": show_code(secret)})

    assert response.status_code == 200
    assert "Too many" in response.text
    assert "_auth_user_id" not in client.session


def test_the_second_step_needs_the_first(user: User) -> None:
    secret = add_app(user)
    client = Client()

    response: Any = client.post(CODE_PAGE, {"code": show_code(secret)})

    assert (response.status_code, response.url) == (302, "/accounts/sign-in/")
    assert "_auth_user_id" not in client.session


def test_the_second_step_can_be_cancelled(user: User) -> None:
    secret = add_app(user)
    client, _response = send_password(user)

    response: Any = client.post("/accounts/sign-out/")

    assert (response.status_code, response.url) == (302, "/admin/login/")
    assert client.post(CODE_PAGE, {"code": show_code(secret)}).status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_sign_in_returns_to_pages_of_the_platform_only(user: User) -> None:
    secret = add_app(user)
    client, _response = send_password(user, next_url="https://evil.example/")

    response: Any = client.post(CODE_PAGE, {"code": show_code(secret)})

    assert response.url == "/admin/"


def test_an_invitation_that_is_accepted_by_password_opens_nothing_without_the_second_factor(
    user: User, run_outbox: Any
) -> None:
    secret = add_app(user)
    brand = BrandFactory()
    services.invite(brand=brand, email=user.email, role=Role.OWNER, invited_by=user, at=timezone.now())
    run_outbox()
    link = re.search(r"/accounts/invitations/[^/]+/", str(mail.outbox[0].body))[0]  # type: ignore[index]
    client = Client()

    response: Any = client.post(link, {"as": "known", "known-account": "ann", "known-password": PASSWORD})

    assert (response.status_code, response.url) == (302, CODE_PAGE)
    assert client.get(ADMIN).status_code == 302
    assert client.post(CODE_PAGE, {"code": show_code(secret)}).status_code == 302
    assert client.get(ADMIN).status_code == 200


# --- what the password alone can't do ---------------------------------------------------------------------------------
@pytest.fixture
def half_signed_in(user: User) -> Client:
    """A session of the password alone, from before the user got the second factor."""
    client, _response = send_password(user)
    add_app(user)
    return client


@pytest.mark.parametrize(
    "path", ["app/add/", "app/remove/", "recovery-codes/new/", "recovery-codes/", "keys/add/"], ids=str
)
def test_the_password_alone_changes_no_factor(half_signed_in: Client, user: User, path: str) -> None:
    half_signed_in.post(PASSWORD_PAGE, {"password": PASSWORD})  # which is no proof any more
    before = list(Authenticator.objects.order_by("pk").values_list("pk", "data"))

    for method in ("get", "post"):
        response: Any = getattr(half_signed_in, method)(f"{PAGE}{path}")
        assert response.status_code in {302, 405}, method
        assert getattr(response, "url", CONFIRM).startswith((CONFIRM, f"{PAGE}app/remove/")), method

    assert list(Authenticator.objects.order_by("pk").values_list("pk", "data")) == before
    assert not any(code in half_signed_in.get(PAGE).text for code in recovery_codes(user))


def test_the_page_for_passwords_sends_users_of_a_second_factor_to_the_other_one(half_signed_in: Client) -> None:
    response: Any = half_signed_in.get(PASSWORD_PAGE)

    assert (response.status_code, response.url) == (302, CONFIRM)


def test_the_password_alone_makes_no_keys_changes_no_roles_and_exports_nothing(
    half_signed_in: Client, user: User
) -> None:
    brand = user.memberships.get().brand
    member = MembershipFactory(brand=brand, role=Role.VIEWER)
    key = {"brand": str(brand.pk), "name": "shop", "scopes": ["read"]}

    responses = [
        half_signed_in.post("/admin/accounts/apikey/add/", key),
        half_signed_in.post(f"/admin/accounts/membership/{member.pk}/change/", {"role": "owner"}),
        half_signed_in.get("/admin/redemptions/export/"),
        half_signed_in.post("/admin/password_change/", {"old_password": PASSWORD}),
    ]
    session_calls = [
        half_signed_in.get(f"/api/v1/brands/{brand.slug}/members/"),
        half_signed_in.get("/api/v1/promotions/"),
        half_signed_in.get("/api/v1/redemptions/"),
    ]

    assert [response.status_code for response in responses] == [302] * 4
    assert all(response.url.startswith("/admin/login/?next=") for response in responses)  # type: ignore[attr-defined]
    assert [(call.status_code, call.json()["code"]) for call in session_calls] == [(403, "second_factor_missing")] * 3
    assert not ApiKey.objects.exists()
    assert Membership.objects.get(pk=member.pk).role == Role.VIEWER


def test_a_code_completes_such_a_session(user: User) -> None:
    client, _response = send_password(user)
    secret = add_app(user)

    page = client.get(ADMIN, follow=True)
    response: Any = client.post(f"{CONFIRM}?next={ADMIN}", {"code": show_code(secret)})

    assert page.redirect_chain[-1][0].startswith(CONFIRM)
    assert (response.status_code, response.url) == (302, ADMIN)
    assert client.get(ADMIN).status_code == 200


def test_changes_of_factors_need_a_fresh_proof(user: User, settings: Any) -> None:
    secret = add_app(user)
    client = sign_in(user, secret)
    assert client.get(f"{PAGE}recovery-codes/new/").status_code == 200

    settings.FRESH_SIGN_IN_SECONDS = 0

    response: Any = client.get(f"{PAGE}recovery-codes/new/")
    assert (response.status_code, response.url) == (
        302,
        f"{CONFIRM}?next=%2Faccounts%2Fsecond-factor%2Frecovery-codes%2Fnew%2F",
    )


def test_a_first_factor_needs_a_fresh_password(settings: Any) -> None:
    client, _response = send_password(MembershipFactory().user)
    settings.FRESH_SIGN_IN_SECONDS = 0
    response: Any = client.get(f"{PAGE}app/add/")
    assert response.url.startswith(PASSWORD_PAGE)
    settings.FRESH_SIGN_IN_SECONDS = 60
    client.session.flush()

    wrong = client.post(PASSWORD_PAGE, {"password": "wrong"})

    assert wrong.status_code in {200, 302}
    assert not Authenticator.objects.exists()


# --- rights -----------------------------------------------------------------------------------------------------------
def test_rights_are_empty_until_the_request_says_that_a_second_factor_was_used(user: User) -> None:
    caller = selectors.caller_of(user)

    assert (user.roles, user.is_staff, user.lacks_second_factor, user.is_on_a_staff) == ({}, False, True, True)
    assert selectors.admin_permissions(user) == {}
    assert selectors.list_rights(caller) == []
    for read in (
        selectors.memberships_of,
        selectors.readable_brand_ids,
        lambda caller: selectors.get_brand_for_caller(caller=caller),
    ):
        with pytest.raises(SecondFactorMissing):
            read(caller)
    user.has_second_factor = True
    assert list(user.roles.values()) == [Role.OWNER]
    assert selectors.readable_brand_ids(selectors.caller_of(user)) == [user.memberships.get().brand_id]


def test_a_platform_admin_without_it_is_none() -> None:
    admin = UserFactory(is_superuser=True)
    MembershipFactory(user=admin)

    assert (admin.is_platform_admin, admin.is_staff, admin.roles, admin.has_perm("any")) == (False, False, {}, False)
    with pytest.raises(SecondFactorMissing):
        selectors.is_platform_admin(selectors.caller_of(admin))


def test_a_requirement_works_at_once_and_for_the_staff_of_this_brand_only(client: Client) -> None:
    member, other = MembershipFactory(), MembershipFactory()
    clients = [send_password(one.user)[0] for one in (member, other)]
    assert [client.get(ADMIN).status_code for client in clients] == [200, 200]

    member.brand.require_second_factor = True
    member.brand.save()

    assert [client.get(ADMIN).status_code for client in clients] == [302, 200]


@pytest.mark.django_db(transaction=True)
def test_only_people_with_a_second_factor_require_it_of_others() -> None:
    owner = MembershipFactory(brand=BrandFactory(name="Cake"))
    client, _response = send_password(owner.user)
    path = f"/admin/accounts/brand/{owner.brand.pk}/change/"
    form = client.get(path).context["adminform"].form
    body = {name: form.initial.get(name) or "" for name in form.fields} | {"require_second_factor": "on"}

    refused = client.post(path, body)
    assert "Set up your own second factor first, and sign in with it." in refused.text
    owner.brand.refresh_from_db()
    assert not owner.brand.require_second_factor
    set_up_app(client)
    assert client.post(path, body).status_code == 302

    owner.brand.refresh_from_db()
    assert owner.brand.require_second_factor


# --- removal ----------------------------------------------------------------------------------------------------------
def test_the_last_factor_of_a_user_who_needs_one_stays(user: User) -> None:
    client = sign_in(user, add_app(user))

    page = client.get(f"{PAGE}app/remove/")
    client.post(f"{PAGE}app/remove/")

    assert "You need a second factor. Add another one before you remove this one." in page.text
    assert Authenticator.objects.filter(user=user, type="totp").exists()


def test_without_a_requirement_the_last_factor_can_be_removed_which_ends_other_sign_ins(run_outbox: Any) -> None:
    user = MembershipFactory(user=UserFactory(username="ann")).user
    secret = add_app(user)
    here, there = sign_in(user, secret), sign_in(user, secret)
    services.tokens_for(user=user, at=timezone.now())

    response = here.post(f"{PAGE}app/remove/")

    assert response.status_code == 302
    assert not Authenticator.objects.filter(user=user).exists()
    assert (here.get(ADMIN).status_code, there.get(ADMIN).status_code) == (200, 302)
    assert Session.objects.filter(user=user).count() == 1
    assert not TokenFamily.objects.filter(user=user, ended_at=None).exists()
    run_outbox()
    assert "The authenticator app of the account ann was removed." in mail.outbox[0].body
    Brand.objects.update(require_second_factor=True)
    assert here.get(ADMIN).status_code == 302  # the removed factor no longer counts


def test_new_recovery_codes_replace_the_former_ones(user: User, django_capture_on_commit_callbacks: Any) -> None:
    secret = add_app(user)
    former = recovery_codes(user)
    client = sign_in(user, secret)

    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{PAGE}recovery-codes/new/")

    assert not set(former) & set(recovery_codes(user))
    assert services.use_code(user=user, code=former[0]) is None


def test_mails_go_to_verified_addresses_only(run_outbox: Any) -> None:
    user = UserFactory(email_verified_at=None)
    add_app(user)

    services.reset_second_factor(user=user, at=timezone.now())
    run_outbox()

    assert mail.outbox == []


# --- secrets and lost factors -----------------------------------------------------------------------------------------
def test_secrets_are_encrypted_and_survive_a_rotation(user: User, settings: Any) -> None:
    secret = add_app(user)
    assert all(secret not in str(factor.data) for factor in Authenticator.objects.all())
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another secret key that is long enough for the tests"
    settings.SECRET_KEY_FALLBACKS = [former]

    call_command("rotate_secrets")
    settings.SECRET_KEY_FALLBACKS = []

    assert services.use_code(user=user, code=show_code(secret)) is not None
    assert len(recovery_codes(user)) == 10


def test_a_rotation_without_the_former_secret_says_so(user: User, settings: Any) -> None:
    add_app(user)
    before = list(Authenticator.objects.order_by("pk").values_list("data", flat=True))
    settings.SECRET_KEY = "another secret key that is long enough for the tests"

    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        call_command("rotate_secrets")

    assert list(Authenticator.objects.order_by("pk").values_list("data", flat=True)) == before


def test_the_command_line_resets_a_lost_factor(user: User, run_outbox: Any) -> None:
    client = sign_in(user, add_app(user))

    call_command("reset_second_factor", "ANN")

    assert not Authenticator.objects.exists()
    assert client.get(ADMIN).status_code == 302
    run_outbox()
    assert "The second factor of the account ann was reset." in mail.outbox[0].body
    for name, message in (("nobody", "No user"), ("ann", "no second factor")):
        with pytest.raises(CommandError, match=message):
            call_command("reset_second_factor", name)


# --- what isn't offered -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    ["account_signup", "account_email", "account_set_password", "account_reset_password", "account_request_login_code",
     "mfa_signup_webauthn", "mfa_login_webauthn", "mfa_trust", "mfa_download_recovery_codes", "socialaccount_signup"],
)  # fmt: skip
def test_other_pages_of_allauth_are_not_offered(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize("path", ["account/emailaddress/", "mfa/authenticator/"])
def test_the_models_of_allauth_have_no_pages(path: str) -> None:
    client = Client()
    client.force_login(UserFactory(is_superuser=True))

    assert client.get(f"/admin/{path}").status_code == 404


def test_pages_of_factors_are_for_people_who_are_signed_in() -> None:
    for path in (
        "",
        "app/add/",
        "app/remove/",
        "recovery-codes/",
        "recovery-codes/new/",
        "keys/",
        "keys/add/",
        "confirm/",
    ):
        response: Any = Client().get(f"{PAGE}{path}")
        assert response.status_code == 302, path
        assert response.url.startswith(("/admin/login/", "/accounts/sign-in/")), path


def test_keys_of_others_are_not_found(user: User) -> None:
    client = sign_in(user, add_app(user))
    data = {"name": "Key", "passwordless": False, "credential": {}}
    key = Authenticator.objects.create(user=UserFactory(), type="webauthn", data=data)

    assert [client.get(f"{PAGE}keys/{key.pk}/{path}").status_code for path in ("", "remove/")] == [404, 404]
    assert client.post(f"{PAGE}keys/{key.pk}/remove/").status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


# --- resets by owners -------------------------------------------------------------------------------------------------
def test_an_owner_resets_the_lost_factor_of_a_member(user: User, run_outbox: Any) -> None:
    member = MembershipFactory(brand=user.memberships.get().brand, user=UserFactory(username="bob"), role=Role.VIEWER)
    add_app(member.user)
    client = sign_in(user, add_app(user))
    path = f"/admin/accounts/membership/{member.pk}/reset-second-factor/"
    assert path in client.get(f"/admin/accounts/membership/{member.pk}/change/").text
    assert "all their sessions end" in client.get(path).text
    assert Authenticator.objects.filter(user=member.user).exists()

    response = client.post(path)

    assert response.status_code == 302
    assert not Authenticator.objects.filter(user=member.user).exists()
    run_outbox()
    assert "The second factor of the account bob was reset." in mail.outbox[0].body
    deleted = SecondFactor.pgh_event_models["delete"].objects.filter(user=member.user, pgh_label="delete")
    assert {event.pgh_context.metadata["user"] for event in deleted} == {user.pk}


@pytest.mark.parametrize(
    "who", ["oneself", "of two brands", "platform admin", "without", "other brand", "by an editor"]
)
def test_an_owner_resets_nobody_else(user: User, who: str) -> None:
    brand = user.memberships.get().brand
    member = MembershipFactory(brand=brand)
    client = sign_in(user, add_app(user))
    if who == "oneself":
        member = user.memberships.get()
    elif who == "of two brands":
        MembershipFactory(user=member.user, brand=BrandFactory(is_active=False))
    elif who == "platform admin":
        User.objects.filter(pk=member.user.pk).update(is_superuser=True)
    elif who == "other brand":
        member = MembershipFactory()
    elif who == "by an editor":
        Membership.objects.filter(user=user).update(role=Role.EDITOR)
    if who not in {"oneself", "without"}:
        add_app(member.user)
    before = Authenticator.objects.count()

    response = client.post(f"/admin/accounts/membership/{member.pk}/reset-second-factor/")

    assert response.status_code in {403, 404}
    assert Authenticator.objects.count() == before


def test_a_platform_admin_resets_the_factor_of_people_of_several_brands() -> None:
    member = MembershipFactory()
    MembershipFactory(user=member.user)
    add_app(member.user)
    client = Client()
    client.force_login(UserFactory(is_superuser=True))

    client.post(f"/admin/accounts/membership/{member.pk}/reset-second-factor/")

    assert not Authenticator.objects.exists()


def test_the_audit_log_says_who_set_up_a_factor_without_its_secret(user: User) -> None:
    client = sign_in(user, add_app(user))
    client.post(f"{PAGE}recovery-codes/new/")
    admin = Client()
    admin.force_login(UserFactory(is_superuser=True))

    page = admin.get("/admin/log/")

    assert "Second factor" in page.text
    assert not any(
        str(factor.data.get("seed", factor.data.get("secret"))) in page.text for factor in SecondFactor.objects.all()
    )


# --- fresh sign-ins ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("has_factor", [True, False])
def test_keys_roles_and_exports_need_a_fresh_sign_in(has_factor: bool) -> None:
    member = MembershipFactory()
    colleague = MembershipFactory(brand=member.brand, role=Role.VIEWER)
    paths = [
        "/admin/accounts/apikey/add/",
        f"/admin/accounts/membership/{colleague.pk}/change/",
        f"/admin/accounts/membership/{colleague.pk}/delete/",
        "/admin/accounts/invitation/add/",
        "/admin/redemptions/export/",
    ]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        secret = add_app(member.user) if has_factor else ""
        client = sign_in(member.user, secret) if has_factor else send_password(member.user)[0]
        assert [client.get(path).status_code for path in paths] == [200] * 5

        clock.shift(timedelta(minutes=6))

        to = CONFIRM if has_factor else PASSWORD_PAGE
        assert {client.get(path).headers["Location"].partition("?")[0] for path in paths} == {to}
        assert client.get("/admin/accounts/apikey/").status_code == 200
        sent = client.post(paths[1], {"role": "editor", "_save": "1"})  # the form was opened before
        assert sent.headers["Location"] == "/admin/accounts/membership/"
        clock.shift(timedelta(minutes=29, seconds=1))
        client.get("/admin/")
        late = client.post(paths[1], {"role": "owner", "_save": "1"})
        assert late.headers["Location"].startswith(to)
        proof = {"code": show_code(secret)} if has_factor else {"password": PASSWORD}
        assert client.post(f"{to}?next={paths[0]}", proof).headers["Location"] == paths[0]
        assert client.get(paths[0]).status_code == 200

    assert Membership.objects.get(pk=colleague.pk).role == Role.EDITOR
