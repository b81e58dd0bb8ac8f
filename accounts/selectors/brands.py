"""Reads of brands: which brands callers act for, see and own."""

import contextlib
import uuid
import zoneinfo
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.contracts import Caller, Role, Scope, has_roles
from accounts.errors import EmailNotVerified, ProviderRequired, SecondFactorMissing, SignInNotFresh
from accounts.models import Brand, Membership, User
from accounts.models.users import annotate_second_factors
from core.errors import InvalidRequest, NotFound, PermissionDenied


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


def memberships_of(caller: Caller) -> list[Membership]:
    """Return the caller's memberships in active brands, oldest first. API keys and inactive users have none.

    Only those in brands that accept the way in which the caller signed in. Raises ProviderRequired if these are none,
    SecondFactorMissing if the user has a second factor, or one of the brands requires it, and the caller signed in
    without, and EmailNotVerified if one of the brands requires it, and the user's address isn't verified.
    """
    if caller.user_key is None:
        return []
    active = Membership.objects.filter(user=caller.user_key, user__is_active=True, brand__is_active=True)
    found: list[Any] = list(annotate_second_factors(active).select_related("brand", "user").order_by("pk"))
    provider = caller.provider_brand_id
    members = [
        member
        for member in found
        if has_roles(brand_id=member.brand_id, sso=member.brand.sso, provider_brand_id=provider)
    ]
    if found and not members:
        raise ProviderRequired
    if not caller.has_second_factor and any(member.needs_second_factor for member in members):
        raise SecondFactorMissing
    if any(member.brand.require_second_factor and not member.user.email_verified for member in members):
        raise EmailNotVerified
    return members


def readable_brand_ids(caller: Caller, *, edit: bool = False) -> list[uuid.UUID] | None:
    """Return the keys of the brands whose objects the caller can see or, with ``edit``, change.

    None means all brands (platform admins). Shoppers get an empty list.
    """
    if caller.api_key_id is not None:
        return list(_api_key_brand(caller).values_list("pk", flat=True))
    if is_platform_admin(caller):
        return None
    return [member.brand_id for member in memberships_of(caller) if Role(member.role).can_edit or not edit]


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
    member = next((member for member in memberships_of(caller) if member.brand.slug == slug), None)
    if member is None:
        raise NotFound
    if member.role != Role.OWNER:
        raise PermissionDenied
    return member.brand


def is_platform_admin(caller: Caller) -> bool:
    """Return whether the caller is a superuser now. The token alone isn't trusted.

    Raises SecondFactorMissing for one who signed in without the second factor, and EmailNotVerified.
    """
    if not caller.is_superuser or caller.user_key is None or caller.provider_brand_id is not None:
        return False
    admins = User.objects.filter(pk=caller.user_key, is_superuser=True, is_active=True)
    admin = admins.only("email_verified_at").first()
    if admin is not None and settings.SECOND_FACTOR_FOR_ADMINS:
        if not caller.has_second_factor:
            raise SecondFactorMissing
        if not admin.email_verified:
            raise EmailNotVerified
    return admin is not None


def check_fresh_sign_in(caller: Caller, *, at: datetime) -> None:
    """Check that a user proved a moment ago who they are. Raises SignInNotFresh."""
    limit = timedelta(seconds=settings.FRESH_SIGN_IN_SECONDS)
    if caller.signed_in_at is None or at - caller.signed_in_at >= limit:
        raise SignInNotFresh


def list_rights(caller: Caller) -> list[str]:
    """Return the rights of a user as texts: the roles in active brands, and whether they are a platform admin.

    API keys have none: their rights never change, and are checked when they authenticate. Neither have users who lack
    a second factor or didn't use a required identity provider.
    """
    try:
        rights = [f"{member.brand_id}:{member.role}" for member in memberships_of(caller)]
        return [*rights, "admin"] if is_platform_admin(caller) else rights
    except (EmailNotVerified, ProviderRequired, SecondFactorMissing):
        return []


def check_internal(caller: Caller, *, brand_id: uuid.UUID | None = None) -> None:
    """Require an API key for the internal API, and one that may name the brand of an object, or a platform admin.

    Raises PermissionDenied, and NotFound for a brand that the key isn't for.
    """
    if Scope.INTERNAL not in caller.scopes:
        if is_platform_admin(caller):
            return
        raise PermissionDenied
    if brand_id is not None and caller.internal_brand_ids is not None and brand_id not in caller.internal_brand_ids:
        raise NotFound


def get_merchant_brand(*, caller: Caller, merchant_id: str) -> Brand:
    """Return the brand that a platform service names by ID or slug.

    Raises PermissionDenied for callers who may not use the internal API, and NotFound, also for brands that an API key
    isn't for.
    """
    check_internal(caller)
    brand = brand_by_name(merchant_id)
    if brand is None:
        raise NotFound
    check_internal(caller, brand_id=brand.pk)
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


def list_browser_origins() -> frozenset[str]:
    """Return the origins of all active brands' pages, whose browsers may call the endpoints of shoppers."""
    lists = Brand.objects.filter(is_active=True).exclude(browser_origins=[]).values_list("browser_origins", flat=True)
    return frozenset(origin for origins in lists for origin in origins)


def has_slug(*, brand_ids: Collection[uuid.UUID], slug: str) -> bool:
    """Return whether one of these brands has the slug."""
    return Brand.objects.filter(pk__in=brand_ids, slug=slug).exists()


def zone_of_lists(caller: Caller) -> str:
    """Return the time zone of days in the lists of a caller: that of the brand, if there is only one, else UTC."""
    brand_ids = readable_brand_ids(caller)
    if brand_ids is None or len(brand_ids) != 1:
        return "UTC"
    return str(Brand.objects.values_list("timezone", flat=True).get(pk=brand_ids[0]))


def timezone_of(brand: Brand) -> zoneinfo.ZoneInfo:
    """Return the brand's time zone."""
    return zoneinfo.ZoneInfo(brand.timezone)
