"""Queries about callers, their brands and their permissions."""

import contextlib
import uuid
import zoneinfo
from collections.abc import Collection
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import rules
from accounts.contracts import CUSTOMER_ID_LENGTH, Caller, Role, Scope, Shopper, is_customer_id
from accounts.models import ApiKey, Brand, Customer, Invitation, Membership, User
from core.errors import InvalidRequest, NotFound, PermissionDenied, TokenInvalid
from core.permissions import BrandPermissions


# --- brands ----------------------------------------------------------------------------------------------------------
def get_brand_for_caller(*, caller: Caller, slug: str | None = None, edit: bool = False) -> Brand:
    """Return the brand that the caller acts for. ``edit`` requires permission to make changes.

    Raises PermissionDenied (another brand, an inactive brand, or a viewer with ``edit``) and InvalidRequest (field
    ``brand``) if the slug is missing or unknown.
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
    """Return the active brand of an API key, or no row."""
    return Brand.objects.none() if caller.brand_id is None else Brand.objects.filter(pk=caller.brand_id, is_active=True)


def _get_brand_by_slug(slug: str | None) -> Brand:
    if slug is None:
        raise InvalidRequest.field("brand", _("`brand` is required."), "required")
    brand = Brand.objects.filter(slug=slug).first()
    if brand is None:
        raise InvalidRequest.field("brand", _("Brand not found."))
    if not brand.is_active:
        raise PermissionDenied
    return brand


def _get_staff_brand(caller: Caller, slug: str | None, edit: bool) -> Brand:
    memberships = [member for member in memberships_of(caller) if slug in (None, member.brand.slug)]
    if not memberships:
        raise PermissionDenied
    if len(memberships) > 1:
        detail = _("`brand` is required because you belong to several brands.")
        raise InvalidRequest.field("brand", detail, "required")
    if edit and not Role(memberships[0].role).can_edit:
        raise PermissionDenied
    return memberships[0].brand


def memberships_of(caller: Caller) -> QuerySet[Membership]:
    """Return the caller's memberships in active brands, oldest first. API keys and inactive users have none."""
    if caller.user_key is None:
        return Membership.objects.none()
    active = Membership.objects.filter(user=caller.user_key, user__is_active=True, brand__is_active=True)
    return active.select_related("brand").order_by("pk")


def readable_brand_ids(caller: Caller, *, edit: bool = False) -> list[uuid.UUID] | None:
    """Return the keys of the brands whose objects the caller can see or, with ``edit``, change.

    None means all brands (platform admins). Shoppers get an empty list.
    """
    if caller.api_key_id is not None:
        return list(_api_key_brand(caller).values_list("pk", flat=True))
    if is_platform_admin(caller):
        return None
    roles = [role.value for role in Role if role.can_edit or not edit]
    return list(memberships_of(caller).filter(role__in=roles).values_list("brand", flat=True))


def owned_brand(*, caller: Caller, slug: str) -> Brand:
    """Return the brand with this slug if the caller owns it.

    Raises NotFound for outsiders, PermissionDenied for the brand's other staff and its API keys.
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
    """Return whether the caller is a superuser now. The token alone isn't trusted."""
    if not caller.is_superuser or caller.user_key is None:
        return False
    return User.objects.filter(pk=caller.user_key, is_superuser=True, is_active=True).exists()


def check_internal(caller: Caller) -> None:
    """Require an API key for the internal API. Raises PermissionDenied."""
    if caller.scope is not Scope.INTERNAL:
        raise PermissionDenied


def get_merchant_brand(*, caller: Caller, merchant_id: str) -> Brand:
    """Return the brand that a platform service names by ID or slug.

    Raises PermissionDenied for callers without an internal API key, and NotFound.
    """
    check_internal(caller)
    brand = brand_by_name(merchant_id)
    if brand is None:
        raise NotFound
    return brand


def brand_by_name(name: str) -> Brand | None:
    """Return the brand with this ID or slug, active or not."""
    with contextlib.suppress(ValueError):
        return Brand.objects.filter(pk=uuid.UUID(name)).first()
    return None if "\0" in name else Brand.objects.filter(slug=name).first()


def has_priced_objects(*, brand: Brand) -> bool:
    """Return whether another app has objects of the brand, whose amounts may be in its currency."""
    own_label = Brand._meta.app_label  # noqa: SLF001
    for relation in Brand._meta.related_objects:  # noqa: SLF001
        model = relation.related_model
        if model._meta.app_label != own_label and model._base_manager.filter(**{relation.field.name: brand}).exists():  # noqa: SLF001
            return True
    return False


def has_slug(*, brand_ids: Collection[uuid.UUID], slug: str) -> bool:
    """Return whether one of these brands has the slug."""
    return Brand.objects.filter(pk__in=brand_ids, slug=slug).exists()


def timezone_of(brand: Brand) -> zoneinfo.ZoneInfo:
    """Return the brand's time zone."""
    return zoneinfo.ZoneInfo(brand.timezone)


# --- shoppers --------------------------------------------------------------------------------------------------------
def shopper_for(*, caller: Caller, customer_id: str | None) -> Shopper:
    """Return the shopper of a purchase: the caller, or the customer that a brand's server names.

    Raises PermissionDenied (another customer, or a caller without a customer) and InvalidRequest (field
    ``customer_id``). An unknown customer has ``id`` None; ``services.get_or_create_customer`` creates the row.
    """
    if caller.scope is Scope.BRAND:
        return _named_customer(customer_id)
    own = caller.shopper
    if own is None or customer_id not in (None, own.customer_id):
        raise PermissionDenied
    return own


def _named_customer(customer_id: str | None) -> Shopper:
    if customer_id is None:
        raise InvalidRequest.field("customer_id", _("`customer_id` is required."), "required")
    if not is_customer_id(customer_id):
        detail = _("Enter 1 to %(max)s printable characters.") % {"max": CUSTOMER_ID_LENGTH}
        raise InvalidRequest.field("customer_id", detail)
    return get_shopper(customer_id) or Shopper(None, customer_id)


def get_shopper(customer_id: str) -> Shopper | None:
    """Return the shopper with this customer ID, or None if there is no row."""
    customer = Customer.objects.select_related("user").filter(customer_id=customer_id).first()
    return shopper_of(customer) if customer else None


def customer_key(customer_id: str) -> int:
    """Return the internal key of a customer ID, or -1, which matches no row."""
    return Customer.objects.filter(customer_id=customer_id).values_list("pk", flat=True).first() or -1


def shopper_of(customer: Customer) -> Shopper:
    """Convert a customer to a shopper."""
    return Shopper(customer.pk, customer.customer_id, customer.user.uuid if customer.user else None)


def list_shoppers(*, count: int) -> list[Caller]:
    """Return the first ``count`` active users with a customer who aren't staff, oldest first."""
    shoppers = Customer.objects.filter(user__is_active=True, user__is_superuser=False, user__memberships=None)
    rows = shoppers.order_by("user").values_list("user__uuid", "user", "pk", "customer_id")[: max(0, count)]
    return [
        Caller(f"user:{user_id}", user_id=user_id, user_key=user, customer_key=customer, customer_id=customer_id)
        for user_id, user, customer, customer_id in rows
    ]


# --- credentials -----------------------------------------------------------------------------------------------------
def secrets() -> tuple[str, ...]:
    """Return the secrets that tokens are signed and verified with, newest first."""
    return (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _keyring(secrets: tuple[str, ...]) -> rules.Keyring:
    return rules.Keyring(secrets)


def keyring() -> rules.Keyring:
    """Return the token keys of the settings."""
    return _keyring(secrets())


def get_token_caller(*, token: str, at: datetime) -> Caller:
    """Return the caller of an access token without a query. Raises TokenInvalid, TokenExpired."""
    return rules.decode_token(token, kind=rules.TokenKind.ACCESS, keyring=keyring(), at=at).caller


def get_token_user(*, token: str, at: datetime) -> tuple[User, datetime]:
    """Return the active user of an access token and when the token expires. Raises TokenInvalid, TokenExpired."""
    claims = rules.decode_token(token, kind=rules.TokenKind.ACCESS, keyring=keyring(), at=at)
    return active_user(claims.caller), claims.expires_at


def caller_of(user: User) -> Caller:
    """Convert a signed-in user to a caller."""
    customer = Customer.objects.filter(user=user).first()
    return Caller(
        identity=f"user:{user.uuid}", user_key=user.pk, user_id=user.uuid, is_superuser=user.is_superuser,
        customer_key=customer.pk if customer else None, customer_id=customer.customer_id if customer else None,
    )  # fmt: skip


def active_user(caller: Caller) -> User:
    """Return the caller's user with its customer.

    Raises PermissionDenied for API keys, TokenInvalid if the user was deleted or deactivated.
    """
    if caller.user_key is None:
        raise PermissionDenied
    user = User.objects.select_related("customer").filter(pk=caller.user_key, is_active=True).first()
    if user is None:
        raise TokenInvalid
    return user


def user_of_account(account: str) -> User | None:
    """Return the user with this email address, phone number or username, active or not."""
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
    """Return the user's permission in each of their brands, by the brand's key."""
    return {brand.pk: _PERMISSIONS[role] for brand, role in user.roles.items()}


def members_of(brand: Brand) -> QuerySet[Membership]:
    """Return the memberships of the brand's staff."""
    return Membership.objects.filter(brand=brand).select_related("user", "brand")


def member_of(*, brand: Brand, user_id: uuid.UUID) -> Membership:
    """Return a member of this brand's staff. Raises NotFound."""
    member = members_of(brand).filter(user__uuid=user_id).first()
    if member is None:
        raise NotFound
    return member


def key_of(*, brand: Brand, key_id: uuid.UUID) -> ApiKey:
    """Return an API key of this brand, revoked or not. Raises NotFound."""
    key = ApiKey.objects.filter(pk=key_id, brand=brand).first()
    if key is None:
        raise NotFound
    return key


def open_invitation(*, invitation_id: uuid.UUID, at: datetime) -> Invitation:
    """Return an invitation that can still be accepted. Raises NotFound."""
    pending = Invitation.objects.filter(accepted_at=None, expires_at__gt=at, brand__is_active=True)
    invitation = pending.select_related("brand", "invited_by").filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    return invitation
