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
from accounts.errors import AccountTaken, EmailNotVerified, InvalidCredentials, InvitationForOther, LastOwner
from accounts.models import ApiKey, Customer, Invitation, Membership, User
from core.errors import InvalidRequest, NotFound, Throttled, TokenExpired, TokenInvalid, Unavailable
from core.models import OutboxMessage
from tests.factories import PASSWORD, ApiKeyFactory, BrandFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(account, password=PASSWORD, address="192.0.2.1", at=None):
    return services.sign_in(account=account, password=password, address=address, at=at or timezone.now())


# --- sign-in ---------------------------------------------------------------------------------------------------------
def test_a_user_signs_in_with_username_email_or_phone_number(at):
    user = ShopperFactory(username="ann", email="ann@example.com", phone="+34600000000")

    for account in ("Ann", "ANN@example.com", "+34 600 000 000"):
        signed_in, tokens = sign_in(account, at=at)
        assert signed_in == user
        user.signed_in_at = at
        assert selectors.get_token_caller(token=tokens.access, at=at) == selectors.caller_of(user)
        assert tokens.expires_at == at + timedelta(minutes=15)


@pytest.mark.parametrize("account", ["nobody", "nobody@example.com", "+34600000009", "ann", "deactivated"])
def test_every_failed_sign_in_raises_the_same_error_and_costs_one_hash(account):
    UserFactory(username="ann")
    UserFactory(username="deactivated", is_active=False)
    hashes = mock.patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode)

    with hashes as hash_calls, pytest.raises(InvalidCredentials):
        sign_in(account, PASSWORD if account == "deactivated" else "wrong")

    assert hash_calls.call_count == 1


def test_an_account_allows_ten_attempts_a_minute_from_all_addresses():
    UserFactory(username="ann")
    for n in range(10):
        with pytest.raises(InvalidCredentials):
            sign_in(" ANN " if n % 2 else "ann", "wrong", address=f"192.0.2.{n}")

    with pytest.raises(Throttled):
        sign_in("ann", PASSWORD, address="192.0.2.99")


def test_an_unknown_account_has_the_same_rate_limit():
    for n in range(10):
        with pytest.raises(InvalidCredentials):
            sign_in("nobody", address=f"192.0.2.{n}")

    with pytest.raises(Throttled):
        sign_in("nobody", address="192.0.2.99")


def test_an_address_allows_sixty_attempts_a_minute():
    for n in range(60):
        with pytest.raises(InvalidCredentials):
            sign_in(f"nobody{n}")

    with pytest.raises(Throttled):
        sign_in("nobody61")


def test_nobody_signs_in_while_attempts_cannot_be_counted(redis_unavailable):
    user = UserFactory()

    with pytest.raises(Unavailable):
        sign_in(user.username)


# --- refresh tokens --------------------------------------------------------------------------------------------------
def test_refresh_tokens_issue_access_tokens_until_the_sign_in_expires(at):
    _, tokens = sign_in(ShopperFactory().username, at=at)
    later = at + timedelta(days=13)

    again = services.refresh(token=tokens.refresh, at=later)

    assert again.refresh != tokens.refresh
    assert again.expires_at == later + timedelta(minutes=15)
    with pytest.raises(TokenExpired):
        services.refresh(token=again.refresh, at=at + timedelta(days=14))
    with pytest.raises(TokenExpired):
        selectors.get_token_caller(token=tokens.access, at=at + timedelta(minutes=15))


def test_an_access_token_cannot_be_used_as_a_refresh_token(at):
    _, tokens = sign_in(ShopperFactory().username, at=at)

    with pytest.raises(TokenInvalid):
        services.refresh(token=tokens.access, at=at)
    with pytest.raises(TokenInvalid):
        selectors.get_token_caller(token=tokens.refresh, at=at)


def test_a_refresh_token_ends_with_the_password_or_the_user(at):
    changed, gone, deactivated = (ShopperFactory() for _ in range(3))
    tokens = [sign_in(user.username, at=at)[1].refresh for user in (changed, gone, deactivated)]
    changed.set_password("another-pass-99")
    changed.save()
    Customer.objects.filter(user=gone).delete()
    gone.delete()
    User.objects.filter(pk=deactivated.pk).update(is_active=False)

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
    services.refresh(token=again.refresh, at=at)
    with pytest.raises(TokenInvalid):
        services.refresh(token=tokens.refresh, at=at)


def test_a_refreshed_token_contains_the_current_permissions(at):
    user = ShopperFactory()
    _, tokens = sign_in(user.username, at=at)
    User.objects.filter(pk=user.pk).update(is_superuser=True)

    again = services.refresh(token=tokens.refresh, at=at)

    assert selectors.get_token_caller(token=again.access, at=at).is_superuser


# --- registration ----------------------------------------------------------------------------------------------------
def register(**changes):
    at = changes.pop("at", timezone.now())
    fields = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7"}
    services.register(**fields | changes, at=at)
    return User.objects.get(username=changes.get("username", "ann"))


def create_account(**changes):
    fields = {"username": "ann", "email": "ann@example.com", "password": "correct-horse-7"}
    return services.create_account(**fields | changes, at=timezone.now())


def test_registering_creates_a_user_with_a_customer(at):
    user = register(phone="+34 600 00 00 00", at=at)

    assert user.phone == "+34600000000"
    assert user.customer.customer_id == f"u-{user.uuid}"
    assert sign_in("ann", "correct-horse-7")[0] == user


@pytest.mark.parametrize("taken", [{"username": "ANN"}, {"email": "ANN@example.com"}], ids=["username", "email"])
def test_a_conflict_of_a_new_account_names_no_field(taken):
    UserFactory(username="ann", email="ann@example.com")
    fresh = {"username": "bob", "email": "bob@example.com"}

    with pytest.raises(AccountTaken) as raised:
        create_account(**fresh | taken)

    assert raised.value.detail == str(AccountTaken.message)
    assert (raised.value.errors, raised.value.extensions) == (None, {})
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
def test_an_invalid_field_is_named(field, value):
    with pytest.raises(InvalidRequest) as raised:
        register(**{field: value})

    assert {error["field"] for error in raised.value.errors or []} == {field}
    assert not User.objects.exists()


@pytest.mark.parametrize("username", ["ann@example.com", "+34600000000", "600-000 000"])
def test_the_database_rejects_usernames_like_addresses_and_phone_numbers(username):
    with pytest.raises(IntegrityError, match="accounts_user_username_plain"), transaction.atomic():
        UserFactory(username=username, email="other@example.com")


@pytest.mark.django_db(transaction=True)
def test_concurrent_registrations_of_one_username_create_one_user(run_concurrently):
    results = run_concurrently(lambda n: register(email=f"ann{n}@example.com"), range(6))

    assert {type(result) for result in results} == {User}
    assert (User.objects.count(), Customer.objects.count()) == (1, 1)


# --- API keys---------------------------------------------------------------------------------------------------------
def test_only_the_digest_of_an_api_key_is_stored(at):
    key = services.issue_key(brand=BrandFactory(), name="shop", at=at)

    row = ApiKey.objects.get(pk=key.id)
    secret = key.text.rpartition("_")[2]
    assert len(secret) >= 43
    assert bytes(row.digest) == rules.key_digest(key.text)
    assert all(secret not in str(value) for value in vars(row).values())


def test_an_api_key_authenticates_its_brand(at):
    brand = BrandFactory()
    key = services.issue_key(brand=brand, name="shop", at=at)

    caller = services.authenticate_api_key(text=key.text, address="", at=at)

    assert (caller.brand_id, caller.api_key_id) == (brand.pk, key.id)
    assert (caller.identity, caller.user_key) == (f"key:{key.id}", None)


def test_wrong_and_revoked_api_keys_are_invalid(at):
    key, revoked = (services.issue_key(brand=BrandFactory(), name="shop", at=at) for _ in range(2))
    services.revoke_key(key=ApiKey.objects.get(pk=revoked.id), at=at)

    unknown = f"promo_live_{'0' * 12}_{key.text.rpartition('_')[2]}"
    for text in (key.text + "x", key.text[:-1], unknown, revoked.text):
        with pytest.raises(TokenInvalid):
            services.authenticate_api_key(text=text, address="", at=at)
    assert ApiKey.objects.get(pk=key.id).last_used_at is None


def test_revoking_twice_keeps_the_first_date(at):
    key = ApiKeyFactory()

    services.revoke_key(key=key, at=at)
    services.revoke_key(key=key, at=at + timedelta(hours=1))

    key.refresh_from_db()
    assert key.revoked_at == at


def test_last_use_of_an_api_key_is_updated_once_a_minute(at, django_assert_num_queries):
    key = ApiKeyFactory()

    for seconds, expected in [(0, 0), (30, 0), (59, 0), (60, 60)]:
        services.authenticate_api_key(text=key.text, address="", at=at + timedelta(seconds=seconds))
        key.refresh_from_db()
        assert key.last_used_at == at + timedelta(seconds=expected)
    with django_assert_num_queries(1):
        services.authenticate_api_key(text=key.text, address="", at=at + timedelta(seconds=61))


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


def test_an_owner_can_leave_if_another_one_stays():
    owner = MembershipFactory()
    MembershipFactory(brand=owner.brand)

    services.remove_member(brand=owner.brand, user_id=owner.user.uuid)

    assert not Membership.objects.filter(pk=owner.pk).exists()


def test_owners_change_roles_and_remove_members():
    owner = MembershipFactory()
    viewer = MembershipFactory(brand=owner.brand, role=Role.VIEWER)

    assert services.change_role(brand=owner.brand, user_id=viewer.user.uuid, role=Role.OWNER).role == Role.OWNER
    assert services.change_role(brand=owner.brand, user_id=owner.user.uuid, role=Role.OWNER).role == Role.OWNER
    services.remove_member(brand=owner.brand, user_id=viewer.user.uuid)

    assert list(Membership.objects.filter(brand=owner.brand)) == [owner]


def test_members_of_another_brand_are_not_found():
    owner, other = MembershipFactory(), MembershipFactory(role=Role.VIEWER)

    with pytest.raises(NotFound):
        services.remove_member(brand=owner.brand, user_id=other.user.uuid)
    with pytest.raises(NotFound):
        services.change_role(brand=owner.brand, user_id=other.user.uuid, role=Role.OWNER)


def count_lost_brands(run_concurrently, leave, rounds=8):
    """Return how many brands with two owners lost both when both left at the same time."""
    lost = 0
    for _ in range(rounds):
        brand = BrandFactory()
        owners = [MembershipFactory(brand=brand) for _ in range(2)]
        run_concurrently(lambda member: leave(brand=member.brand, user_id=member.user.uuid), owners)
        lost += not Membership.objects.filter(brand=brand).exists()
    return lost


@pytest.mark.django_db(transaction=True)
def test_two_owners_cannot_both_leave_at_once(run_concurrently):
    assert count_lost_brands(run_concurrently, services.remove_member) == 0


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_both_owners_would_leave(run_concurrently):
    meeting = threading.Barrier(2, timeout=10)

    def check_then_leave(*, brand, user_id):
        others = Membership.objects.filter(brand=brand, role=Role.OWNER).exclude(user__uuid=user_id)
        assert others.exists()
        meeting.wait()
        Membership.objects.filter(brand=brand, user__uuid=user_id).delete()

    assert count_lost_brands(run_concurrently, check_then_leave, rounds=1) == 1


# --- invitations -----------------------------------------------------------------------------------------------------
def invite(at, email="new@example.com", role=Role.EDITOR, owner=None):
    owner = owner or MembershipFactory()
    return services.invite(brand=owner.brand, email=email, role=role, invited_by=owner.user, at=at)


def test_an_invitation_is_emailed_once_with_a_working_link(run_outbox):
    invitation = invite(timezone.now())

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
    first = invite(at, owner=owner)

    again = invite(at + timedelta(days=1), email="NEW@example.com", role=Role.VIEWER, owner=owner)

    assert (again.pk, again.role, again.expires_at) == (first.pk, "viewer", at + timedelta(days=8))
    assert OutboxMessage.objects.filter(task="accounts.send_invitation").count() == 2


def test_an_invitation_can_be_accepted_once(at):
    invitation, user = invite(at), UserFactory(email="New@example.com")

    member = services.accept_invitation(invitation=invitation, user=user, at=at)

    assert (member.brand, member.user, member.role) == (invitation.brand, user, "editor")
    user.memberships.all().delete()
    with pytest.raises(NotFound):
        services.accept_invitation(invitation=invitation, user=user, at=at)
    assert not user.memberships.exists()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"email": "other@example.com"}, InvitationForOther),
        ({"email": "new@example.com", "email_verified_at": None}, EmailNotVerified),
        ({"email": "", "email_verified_at": None}, InvitationForOther),
    ],
)
def test_only_the_verified_address_of_an_invitation_can_accept_it(at, fields, error):
    invitation, user = invite(at), UserFactory(**fields)

    with pytest.raises(error):
        services.accept_invitation(invitation=invitation, user=user, at=at)

    assert not user.memberships.exists()
    invitation.refresh_from_db()
    assert invitation.accepted_at is None


def test_an_address_that_changes_is_no_longer_verified():
    user = UserFactory()
    spelled, changed, verified = user.email.upper(), "other@example.com", timezone.now()

    for email, expected in ((spelled, user.email_verified_at), (changed, None)):
        User.objects.filter(pk=user.pk).update(email=email)
        assert User.objects.get(pk=user.pk).email_verified_at == expected
    User.objects.filter(pk=user.pk).update(email="third@example.com", email_verified_at=verified)
    assert User.objects.get(pk=user.pk).email_verified_at == verified


def test_a_member_who_accepts_an_invitation_keeps_the_role(at):
    owner = MembershipFactory()

    member = services.accept_invitation(
        invitation=invite(at, email=owner.user.email, role=Role.VIEWER, owner=owner), user=owner.user, at=at
    )

    assert member.role == Role.OWNER


def test_only_the_link_of_a_pending_invitation_works(at):
    accepted, canceled, expired, inactive, pending = (invite(at) for _ in range(5))
    tokens = {
        name: services.staff.invitation_token(value) for name, value in vars().items() if isinstance(value, Invitation)
    }
    services.accept_invitation(invitation=accepted, user=UserFactory(email=accepted.email), at=at)
    services.cancel_invitation(brand=canceled.brand, invitation_id=canceled.pk)
    Invitation.objects.filter(pk=expired.pk).update(expires_at=at)
    inactive.brand.is_active = False
    inactive.brand.save()

    assert services.invitation_of(token=tokens.pop("pending"), at=at) == pending
    for token in [*tokens.values(), "forged", "", "ImEi:1x:yy"]:
        with pytest.raises(NotFound):
            services.invitation_of(token=token, at=at)


def test_accepted_invitations_and_those_of_other_brands_cannot_be_canceled(at):
    invitation = invite(at)
    with pytest.raises(NotFound):
        services.cancel_invitation(brand=BrandFactory(), invitation_id=invitation.pk)
    services.accept_invitation(invitation=invitation, user=UserFactory(email=invitation.email), at=at)

    with pytest.raises(NotFound):
        services.cancel_invitation(brand=invitation.brand, invitation_id=invitation.pk)
    with pytest.raises(NotFound):
        services.resend_invitation(invitation=invitation, at=at)


def test_no_email_is_sent_for_a_canceled_invitation(run_outbox):
    invitation = invite(timezone.now())
    services.cancel_invitation(brand=invitation.brand, invitation_id=invitation.pk)

    run_outbox()

    assert mail.outbox == []
