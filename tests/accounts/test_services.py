import threading
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import rules, selectors, services
from accounts.contracts import Role
from accounts.errors import AccountTaken, InvalidCredentials, LastOwner
from accounts.models import ApiKey, Customer, Invitation, Membership, User
from core.errors import InvalidRequest, NotFound, Throttled, TokenExpired, TokenInvalid, Unavailable
from core.models import OutboxMessage
from tests.factories import PASSWORD, ApiKeyFactory, BrandFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(account, password=PASSWORD, address="192.0.2.1", at=None):
    return services.sign_in(account=account, password=password, address=address, at=at or timezone.now())


# --- signing in ------------------------------------------------------------------------------------------------------
def test_a_user_signs_in_by_username_email_or_phone(at):
    user = ShopperFactory(username="ann", email="ann@example.com", phone="+34600000000")

    for account in ("Ann", "ANN@example.com", "+34 600 000 000"):
        found, tokens = sign_in(account, at=at)
        assert found == user
        assert selectors.get_token_caller(token=tokens.access, at=at) == selectors.caller_of(user)
        assert tokens.expires_at == at + timedelta(minutes=15)


@pytest.mark.parametrize("account", ["nobody", "nobody@example.com", "+34600000009", "ann", "shut-out"])
def test_every_refused_sign_in_is_answered_alike_and_costs_one_hash(account):
    UserFactory(username="ann")
    UserFactory(username="shut-out", is_active=False)
    hashes = mock.patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode)

    with hashes as counted, pytest.raises(InvalidCredentials):
        sign_in(account, PASSWORD if account == "shut-out" else "wrong")

    assert counted.call_count == 1


def test_an_account_is_tried_ten_times_a_minute_from_wherever():
    UserFactory(username="ann")
    for n in range(10):
        with pytest.raises(InvalidCredentials):
            sign_in(" ANN " if n % 2 else "ann", "wrong", address=f"192.0.2.{n}")

    with pytest.raises(Throttled):
        sign_in("ann", PASSWORD, address="192.0.2.99")


def test_an_unknown_account_is_limited_like_a_known_one():
    for n in range(10):
        with pytest.raises(InvalidCredentials):
            sign_in("nobody", address=f"192.0.2.{n}")

    with pytest.raises(Throttled):
        sign_in("nobody", address="192.0.2.99")


def test_an_address_tries_sixty_accounts_a_minute():
    for n in range(60):
        with pytest.raises(InvalidCredentials):
            sign_in(f"nobody{n}")

    with pytest.raises(Throttled):
        sign_in("nobody61")


def test_nobody_signs_in_while_tries_cannot_be_counted(redis_away):
    user = UserFactory()

    with pytest.raises(Unavailable):
        sign_in(user.username)


# --- staying signed in -----------------------------------------------------------------------------------------------
def test_a_refresh_token_gives_access_tokens_until_its_end(at):
    _, tokens = sign_in(ShopperFactory().username, at=at)
    later = at + timedelta(days=13)

    again = services.refresh(token=tokens.refresh, at=later)

    assert again.refresh == tokens.refresh
    assert again.expires_at == later + timedelta(minutes=15)
    with pytest.raises(TokenExpired):
        services.refresh(token=tokens.refresh, at=at + timedelta(days=14))
    with pytest.raises(TokenExpired):
        selectors.get_token_caller(token=tokens.access, at=at + timedelta(minutes=15))


def test_an_access_token_does_not_refresh(at):
    _, tokens = sign_in(ShopperFactory().username, at=at)

    with pytest.raises(TokenInvalid):
        services.refresh(token=tokens.access, at=at)
    with pytest.raises(TokenInvalid):
        selectors.get_token_caller(token=tokens.refresh, at=at)


def test_a_refresh_token_dies_with_its_password_its_user_and_their_access(at):
    changed, gone, shut_out = (ShopperFactory() for _ in range(3))
    tokens = [sign_in(user.username, at=at)[1].refresh for user in (changed, gone, shut_out)]
    changed.set_password("another-pass-99")
    changed.save()
    Customer.objects.filter(user=gone).delete()
    gone.delete()
    User.objects.filter(pk=shut_out.pk).update(is_active=False)

    for token in tokens:
        with pytest.raises(TokenInvalid):
            services.refresh(token=token, at=at)


def test_a_refresh_token_survives_the_rotation_of_the_secret(at, settings):
    user = ShopperFactory()
    _, tokens = sign_in(user.username, at=at)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a new secret"

    again = services.refresh(token=tokens.refresh, at=at)

    settings.SECRET_KEY_FALLBACKS = []
    assert selectors.get_token_caller(token=again.access, at=at).user_key == user.pk
    with pytest.raises(TokenInvalid):
        services.refresh(token=tokens.refresh, at=at)


def test_a_refreshed_token_says_what_is_true_now(at):
    user = ShopperFactory()
    _, tokens = sign_in(user.username, at=at)
    User.objects.filter(pk=user.pk).update(is_superuser=True)

    again = services.refresh(token=tokens.refresh, at=at)

    assert selectors.get_token_caller(token=again.access, at=at).is_superuser


# --- registering -----------------------------------------------------------------------------------------------------
def registered(**changes):
    at = changes.pop("at", timezone.now())
    fields = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7"}
    return services.register(**fields | changes, at=at)


def test_who_registers_becomes_a_shopper(at):
    user = registered(phone="+34 600 00 00 00", marketing_consent=True, at=at)

    user = User.objects.get(pk=user.pk)
    assert user.phone == "+34600000000"
    assert user.customer.customer_id == f"u-{user.uuid}"
    assert (user.marketing_consent, user.marketing_consent_at) == (True, at)
    assert sign_in("ann", "correct-horse-7")[0] == user


def test_without_consent_there_is_no_time_of_consent():
    assert registered(marketing_consent=False).marketing_consent_at is None


@pytest.mark.parametrize(
    "taken",
    [{"username": "ANN"}, {"email": "ANN@example.com"}, {"phone": "+34600000000"}],
    ids=["username", "email", "phone"],
)
def test_a_taken_name_is_refused_without_telling_which(taken):
    UserFactory(username="ann", email="ann@example.com", phone="+34600000000")
    fresh = {"username": "bob", "email": "bob@example.com", "phone": "+34600000001"}

    with pytest.raises(AccountTaken) as refused:
        registered(**fresh | taken)

    assert refused.value.detail == str(AccountTaken.message)
    assert (refused.value.errors, refused.value.extensions) == (None, {})
    assert User.objects.count() == 1
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ann@example.org"), ("username", "+34600000000"), ("username", "600000000"),
        ("username", "a b"), ("username", ""),
        ("email", "no address"), ("phone", "600000000"),
        ("password", "short"), ("password", "password"), ("password", "83749283749"), ("password", "ann@example.com"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_named(field, value):
    with pytest.raises(InvalidRequest) as refused:
        registered(**{field: value})

    assert {fault["field"] for fault in refused.value.errors or []} == {field}
    assert not User.objects.exists()


@pytest.mark.parametrize("username", ["ann@example.com", "+34600000000", "600-000 000"])
def test_the_database_keeps_usernames_apart_from_addresses_and_numbers(username):
    with pytest.raises(IntegrityError, match="accounts_user_username_plain"), transaction.atomic():
        UserFactory(username=username, email="other@example.com")


@pytest.mark.django_db(transaction=True)
def test_one_name_registered_by_many_at_once_is_one_user(run_concurrently):
    found = run_concurrently(lambda n: registered(email=f"ann{n}@example.com"), range(6))

    assert sorted(type(one).__name__ for one in found) == ["AccountTaken"] * 5 + ["User"]
    assert (User.objects.count(), Customer.objects.count()) == (1, 1)


# --- keys ------------------------------------------------------------------------------------------------------------
def test_a_key_is_kept_as_a_digest_alone(at):
    key = services.issue_key(brand=BrandFactory(), name="shop", at=at)

    row = ApiKey.objects.get(pk=key.id)
    secret = key.text.partition(".")[2]
    assert len(secret) >= 43
    assert bytes(row.digest) == rules.key_digest(key.text)
    assert all(secret not in str(value) for value in vars(row).values())


def test_a_key_opens_for_whom_it_was_made(at):
    brand = BrandFactory()
    key = services.issue_key(brand=brand, name="shop", at=at)

    found = services.authenticate_api_key(text=key.text, at=at)

    assert (found.brand_id, found.api_key_id, found.identity, found.user_key) == (
        brand.pk,
        key.id,
        f"key:{key.id}",
        None,
    )


def test_a_wrong_or_revoked_key_opens_nothing(at):
    key, revoked = (services.issue_key(brand=BrandFactory(), name="shop", at=at) for _ in range(2))
    services.revoke_key(key=ApiKey.objects.get(pk=revoked.id), at=at)

    for text in (key.text + "x", key.text[:-1], f"pk0000000000.{key.text.partition('.')[2]}", revoked.text):
        with pytest.raises(TokenInvalid):
            services.authenticate_api_key(text=text, at=at)
    assert ApiKey.objects.get(pk=key.id).last_used_at is None


def test_revoking_twice_keeps_the_first_time(at):
    key = ApiKeyFactory()

    services.revoke_key(key=key, at=at)
    services.revoke_key(key=key, at=at + timedelta(hours=1))

    key.refresh_from_db()
    assert key.revoked_at == at


def test_the_use_of_a_key_is_noted_once_a_minute(at, django_assert_num_queries):
    key = ApiKeyFactory()

    for seconds, noted in [(0, 0), (30, 0), (59, 0), (60, 60)]:
        services.authenticate_api_key(text=key.text, at=at + timedelta(seconds=seconds))
        key.refresh_from_db()
        assert key.last_used_at == at + timedelta(seconds=noted)
    with django_assert_num_queries(1):
        services.authenticate_api_key(text=key.text, at=at + timedelta(seconds=61))


# --- staff -----------------------------------------------------------------------------------------------------------
def test_a_brand_keeps_its_last_owner():
    owner = MembershipFactory()
    MembershipFactory(brand=owner.brand, role=Role.EDITOR)
    MembershipFactory(brand=owner.brand, user=UserFactory(is_active=False))
    MembershipFactory()

    for leave in (
        lambda: services.remove_member(brand=owner.brand, user_id=owner.user.uuid),
        lambda: services.change_role(brand=owner.brand, user_id=owner.user.uuid, role=Role.EDITOR),
    ):
        with pytest.raises(LastOwner):
            leave()
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_an_owner_may_go_when_another_stays():
    owner = MembershipFactory()
    MembershipFactory(brand=owner.brand)

    services.remove_member(brand=owner.brand, user_id=owner.user.uuid)

    assert not Membership.objects.filter(pk=owner.pk).exists()


def test_roles_change_and_other_members_go():
    owner = MembershipFactory()
    viewer = MembershipFactory(brand=owner.brand, role=Role.VIEWER)

    assert services.change_role(brand=owner.brand, user_id=viewer.user.uuid, role=Role.OWNER).role == Role.OWNER
    assert services.change_role(brand=owner.brand, user_id=owner.user.uuid, role=Role.OWNER).role == Role.OWNER
    services.remove_member(brand=owner.brand, user_id=viewer.user.uuid)

    assert list(Membership.objects.filter(brand=owner.brand)) == [owner]


def test_another_brands_member_is_not_there():
    owner, other = MembershipFactory(), MembershipFactory(role=Role.VIEWER)

    with pytest.raises(NotFound):
        services.remove_member(brand=owner.brand, user_id=other.user.uuid)
    with pytest.raises(NotFound):
        services.change_role(brand=owner.brand, user_id=other.user.uuid, role=Role.OWNER)


def all_leave(run_concurrently, leave, rounds=8):
    """How often a brand of two owners lost both when both left at the same moment."""
    lost = 0
    for _ in range(rounds):
        brand = BrandFactory()
        owners = [MembershipFactory(brand=brand) for _ in range(2)]
        run_concurrently(lambda member: leave(brand=member.brand, user_id=member.user.uuid), owners)
        lost += not Membership.objects.filter(brand=brand).exists()
    return lost


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_do_not_both_go(run_concurrently):
    assert all_leave(run_concurrently, services.remove_member) == 0


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_both_owners_would_go(run_concurrently):
    meeting = threading.Barrier(2, timeout=10)

    def look_then_leave(*, brand, user_id):
        others = Membership.objects.filter(brand=brand, role=Role.OWNER).exclude(user__uuid=user_id)
        assert others.exists()
        meeting.wait()
        Membership.objects.filter(brand=brand, user__uuid=user_id).delete()

    assert all_leave(run_concurrently, look_then_leave, rounds=1) == 1


# --- invitations -----------------------------------------------------------------------------------------------------
def invited(at, email="new@example.com", role=Role.EDITOR, owner=None):
    owner = owner or MembershipFactory()
    return services.invite(brand=owner.brand, email=email, role=role, invited_by=owner.user, at=at)


def test_an_invitation_is_mailed_once_with_a_link_that_opens_it(run_outbox):
    invitation = invited(timezone.now())

    run_outbox()

    (message,) = mail.outbox
    assert message.to == ["new@example.com"]
    assert invitation.brand.name in message.subject
    link = next(word for word in message.body.split() if "/accounts/invitations/" in word)
    token = link.rstrip("/").rpartition("/")[2]
    assert services.invitation_of(token=token, at=timezone.now()) == invitation
    assert link in str(message.alternatives[0][0])  # type: ignore[attr-defined]


def test_inviting_again_renews_the_same_invitation(at):
    owner = MembershipFactory()
    first = invited(at, owner=owner)

    again = invited(at + timedelta(days=1), email="NEW@example.com", role=Role.VIEWER, owner=owner)

    assert (again.pk, again.role, again.expires_at) == (first.pk, "viewer", at + timedelta(days=8))
    assert OutboxMessage.objects.filter(task="accounts.send_invitation").count() == 2


def test_who_accepts_joins_once(at):
    invitation, user, other = invited(at), UserFactory(), UserFactory()

    member = services.accept_invitation(invitation=invitation, user=user, at=at)

    assert (member.brand, member.user, member.role) == (invitation.brand, user, "editor")
    with pytest.raises(NotFound):
        services.accept_invitation(invitation=invitation, user=other, at=at)
    assert not other.memberships.exists()


def test_a_member_who_accepts_keeps_their_role(at):
    owner = MembershipFactory()

    member = services.accept_invitation(invitation=invited(at, role=Role.VIEWER, owner=owner), user=owner.user, at=at)

    assert member.role == Role.OWNER


def test_a_link_dies_when_it_is_accepted_cancelled_expired_forged_or_its_brand_closes(at):
    accepted, cancelled, expired, closed, good = (invited(at) for _ in range(5))
    tokens = {name: services.staff.invitation_token(one) for name, one in vars().items() if isinstance(one, Invitation)}
    services.accept_invitation(invitation=accepted, user=UserFactory(), at=at)
    services.cancel_invitation(brand=cancelled.brand, invitation_id=cancelled.pk)
    Invitation.objects.filter(pk=expired.pk).update(expires_at=at)
    closed.brand.is_active = False
    closed.brand.save()

    assert services.invitation_of(token=tokens.pop("good"), at=at) == good
    for token in [*tokens.values(), "forged", "", "ImEi:1x:yy"]:
        with pytest.raises(NotFound):
            services.invitation_of(token=token, at=at)


def test_an_accepted_or_another_brands_invitation_is_not_cancelled(at):
    invitation = invited(at)
    with pytest.raises(NotFound):
        services.cancel_invitation(brand=BrandFactory(), invitation_id=invitation.pk)
    services.accept_invitation(invitation=invitation, user=UserFactory(), at=at)

    with pytest.raises(NotFound):
        services.cancel_invitation(brand=invitation.brand, invitation_id=invitation.pk)
    with pytest.raises(NotFound):
        services.resend_invitation(invitation=invitation, at=at)


def test_no_mail_goes_out_for_what_was_cancelled_meanwhile(run_outbox):
    invitation = invited(timezone.now())
    services.cancel_invitation(brand=invitation.brand, invitation_id=invitation.pk)

    run_outbox()

    assert mail.outbox == []
