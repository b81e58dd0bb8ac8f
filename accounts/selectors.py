"""Questions about who calls and what they may do."""

import contextlib
import uuid
import zoneinfo
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db.models import QuerySet

from accounts import rules
from accounts.contracts import CUSTOMER_ID_LENGTH, Caller, Role, Scope, Shopper, is_customer_id
from accounts.models import ApiKey, Brand, Customer, Invitation, Membership, User
from core.errors import InvalidRequest, NotFound, PermissionDenied, TokenInvalid
from core.permissions import BrandPermissions


# --- brands ----------------------------------------------------------------------------------------------------------
def get_brand_for_caller(*, caller: Caller, slug: str | None = None, edit: bool = False) -> Brand:
    """The brand that the caller acts for; ``edit`` when something is to be written.

    Raises PermissionDenied (not theirs, inactive, or a viewer who would write) and Invalid (field ``brand``: several to
    choose from).
    """
    if caller.api_key_id is not None:
        return _brand_for_api_key(caller, slug)
    if is_platform_admin(caller):
        return _get_brand_by_slug(slug)
    return _get_staff_brand(caller, slug, edit)


def _brand_for_api_key(caller: Caller, slug: str | None) -> Brand:
    brand = _api_key_brand(caller).first()
    if brand is None or slug not in (None, brand.slug):
        raise PermissionDenied
    return brand


def _api_key_brand(caller: Caller) -> QuerySet[Brand]:
    """The active brand of an API key, if it has one."""
    return Brand.objects.none() if caller.brand_id is None else Brand.objects.filter(pk=caller.brand_id, is_active=True)


def _get_brand_by_slug(slug: str | None) -> Brand:
    if slug is None:
        raise InvalidRequest.field("brand", "Say which brand this is for.", "required")
    brand = Brand.objects.filter(slug=slug).first()
    if brand is None:
        raise InvalidRequest.field("brand", "There is no such brand.")
    if not brand.is_active:
        raise PermissionDenied
    return brand


def _get_staff_brand(caller: Caller, slug: str | None, edit: bool) -> Brand:
    found = [member for member in memberships_of(caller) if slug in (None, member.brand.slug)]
    if not found:
        raise PermissionDenied
    if len(found) > 1:
        raise InvalidRequest.field("brand", "You work for several brands: say which one this is for.", "required")
    if edit and not Role(found[0].role).may_edit:
        raise PermissionDenied
    return found[0].brand


def memberships_of(caller: Caller) -> QuerySet[Membership]:
    """The caller's roles in active brands, oldest first; none for keys and for users who were shut out meanwhile."""
    if caller.user_key is None:
        return Membership.objects.none()
    active = Membership.objects.filter(user=caller.user_key, user__is_active=True, brand__is_active=True)
    return active.select_related("brand").order_by("pk")


def readable_brand_ids(caller: Caller, *, edit: bool = False) -> list[uuid.UUID] | None:
    """The brands whose objects the caller may see (or, with ``edit``, change).

    None for all (platform admins), an empty list for shoppers.
    """
    if caller.api_key_id is not None:
        return list(_api_key_brand(caller).values_list("pk", flat=True))
    if is_platform_admin(caller):
        return None
    roles = [role.value for role in Role if role.may_edit or not edit]
    return list(memberships_of(caller).filter(role__in=roles).values_list("brand", flat=True))


def owned_brand(*, caller: Caller, slug: str) -> Brand:
    """The brand of this slug for one of its owners.

    Raises NotFound for outsiders, PermissionDenied for other staff and keys.
    """
    if is_platform_admin(caller):
        brand = Brand.objects.filter(slug=slug).first()
        if brand is None:
            raise NotFound
        return brand
    if caller.api_key_id is not None:
        raise PermissionDenied if _api_key_brand(caller).filter(slug=slug).exists() else NotFound
    member = memberships_of(caller).filter(brand__slug=slug).first()
    if member is None:
        raise NotFound
    if member.role != Role.OWNER:
        raise PermissionDenied
    return member.brand


def is_platform_admin(caller: Caller) -> bool:
    """Whether the caller is a superuser, now and not only when the token was signed."""
    if not caller.is_superuser or caller.user_key is None:
        return False
    return User.objects.filter(pk=caller.user_key, is_superuser=True, is_active=True).exists()


def check_internal(caller: Caller) -> None:
    """Raises PermissionDenied for callers without a key of the internal API."""
    if caller.scope is not Scope.INTERNAL:
        raise PermissionDenied


def get_merchant_brand(*, caller: Caller, merchant_id: str) -> Brand:
    """The brand that a service of the platform speaks of, by its id or its slug.

    Raises PermissionDenied for callers without a key of the internal API, NotFound.
    """
    check_internal(caller)
    brand = brand_by_name(merchant_id)
    if brand is None:
        raise NotFound
    return brand


def brand_by_name(name: str) -> Brand | None:
    """The brand of an id or a slug, active or not."""
    with contextlib.suppress(ValueError):
        return Brand.objects.filter(pk=uuid.UUID(name)).first()
    return None if "\0" in name else Brand.objects.filter(slug=name).first()


def has_priced_objects(*, brand: Brand) -> bool:
    """Whether any of the apps above has something of the brand, of which amounts may be meant in its currency."""
    above = [it for it in Brand._meta.related_objects if it.related_model._meta.app_label != Brand._meta.app_label]  # noqa: SLF001
    return any(it.related_model._base_manager.filter(**{it.field.name: brand}).exists() for it in above)  # noqa: SLF001


def timezone_of(brand: Brand) -> zoneinfo.ZoneInfo:
    """The brand's time zone."""
    return zoneinfo.ZoneInfo(brand.timezone)


# --- shoppers --------------------------------------------------------------------------------------------------------
def shopper_for(*, caller: Caller, customer_id: str | None) -> Shopper:
    """Whose purchase this is: the caller's own, or the customer that a brand's server names.

    Raises PermissionDenied (someone else's, or a caller who neither shops nor sells), Invalid (field ``customer_id``).
    A customer that the platform never saw comes with ``id`` None; ``services.ensure_customer`` makes them known.
    """
    if caller.scope is Scope.BRAND:
        return _named_customer(customer_id)
    own = caller.shopper
    if own is None or customer_id not in (None, own.customer_id):
        raise PermissionDenied
    return own


def _named_customer(customer_id: str | None) -> Shopper:
    if customer_id is None:
        raise InvalidRequest.field("customer_id", "Say which customer this is for.", "required")
    if not is_customer_id(customer_id):
        raise InvalidRequest.field("customer_id", f"A customer id is 1 to {CUSTOMER_ID_LENGTH} printable characters.")
    return get_shopper(customer_id) or Shopper(None, customer_id)


def get_shopper(customer_id: str) -> Shopper | None:
    """The shopper of a customer id that the platform has seen, else None."""
    customer = Customer.objects.select_related("user").filter(customer_id=customer_id).first()
    return shopper_of(customer) if customer else None


def customer_key(customer_id: str) -> int:
    """The internal key of a customer id; one that no customer has for an unknown one."""
    return Customer.objects.filter(customer_id=customer_id).values_list("pk", flat=True).first() or -1


def shopper_of(customer: Customer) -> Shopper:
    """A customer as a shopper."""
    return Shopper(customer.pk, customer.customer_id, customer.user.uuid if customer.user else None)


def list_shoppers(*, count: int) -> list[Caller]:
    """The first active users with a customer who are nobody's staff, in the order of their birth."""
    shoppers = Customer.objects.filter(user__is_active=True, user__is_superuser=False, user__memberships=None)
    rows = shoppers.order_by("user").values_list("user__uuid", "user", "pk", "customer_id")[: max(0, count)]
    return [
        Caller(f"user:{user_id}", user_id=user_id, user_key=user, customer_key=customer, customer_id=customer_id)
        for user_id, user, customer, customer_id in rows
    ]


# --- credentials -----------------------------------------------------------------------------------------------------
def secrets() -> tuple[str, ...]:
    """What tokens are signed and verified with, newest first."""
    return (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _keyring(secrets: tuple[str, ...]) -> rules.Keyring:
    return rules.Keyring(secrets)


def keyring() -> rules.Keyring:
    """The keys that settings name."""
    return _keyring(secrets())


def get_token_caller(*, token: str, at: datetime) -> Caller:
    """The caller whom an access token names; no query. Raises TokenInvalid, TokenExpired."""
    return rules.decode_token(token, kind=rules.TokenKind.ACCESS, keyring=keyring(), at=at).caller


def get_token_user(*, token: str, at: datetime) -> tuple[User, datetime]:
    """The active user whom an access token names, and its end. Raises TokenInvalid, TokenExpired."""
    claims = rules.decode_token(token, kind=rules.TokenKind.ACCESS, keyring=keyring(), at=at)
    return active_user(claims.caller), claims.expires_at


def caller_of(user: User) -> Caller:
    """A signed-in user as a caller."""
    customer = Customer.objects.filter(user=user).first()
    return Caller(
        identity=f"user:{user.uuid}", user_key=user.pk, user_id=user.uuid, is_superuser=user.is_superuser,
        customer_key=customer.pk if customer else None, customer_id=customer.customer_id if customer else None,
    )  # fmt: skip


def active_user(caller: Caller) -> User:
    """The user behind a caller, with their customer. Raises PermissionDenied for keys, TokenInvalid for who is gone."""
    if caller.user_key is None:
        raise PermissionDenied
    user = User.objects.select_related("customer").filter(pk=caller.user_key, is_active=True).first()
    if user is None:
        raise TokenInvalid
    return user


def user_of_account(account: str) -> User | None:
    """The user of an e-mail address, phone number or username, active or not."""
    kind, name = rules.parse_identifier(account)
    if "\0" in name:
        return None
    if kind is rules.IdentifierType.EMAIL:
        return User.objects.with_email(name).first()
    if kind is rules.IdentifierType.PHONE:
        return User.objects.filter(phone=name).first()
    return User.objects.with_username(name).first()


# --- staff -----------------------------------------------------------------------------------------------------------
_PERMISSIONS = {
    Role.OWNER: BrandPermissions.OWN,
    Role.EDITOR: BrandPermissions.EDIT,
    Role.VIEWER: BrandPermissions.READ,
}


def admin_permissions(user: User) -> dict[uuid.UUID, BrandPermissions]:
    """What the user may do to each brand's objects in the admin."""
    return {brand.pk: _PERMISSIONS[role] for brand, role in user.roles.items()}


def members_of(brand: Brand) -> QuerySet[Membership]:
    """The brand's staff."""
    return Membership.objects.filter(brand=brand).select_related("user", "brand")


def member_of(*, brand: Brand, user_id: uuid.UUID) -> Membership:
    """A member of this brand's staff. Raises NotFound."""
    member = members_of(brand).filter(user__uuid=user_id).first()
    if member is None:
        raise NotFound
    return member


def key_of(*, brand: Brand, key_id: uuid.UUID) -> ApiKey:
    """A key of this brand, revoked or not. Raises NotFound."""
    key = ApiKey.objects.filter(pk=key_id, brand=brand).first()
    if key is None:
        raise NotFound
    return key


def open_invitation(*, invitation_id: uuid.UUID, at: datetime) -> Invitation:
    """An invitation that can still be accepted. Raises NotFound."""
    open_ones = Invitation.objects.filter(accepted_at=None, expires_at__gt=at, brand__is_active=True)
    invitation = open_ones.select_related("brand", "invited_by").filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    return invitation
