"""Reads of accounts, one module per subject."""

from accounts.selectors.brands import (
    brand_by_name,
    check_internal,
    get_brand_for_caller,
    get_merchant_brand,
    has_priced_objects,
    has_slug,
    is_platform_admin,
    memberships_of,
    owned_brand,
    readable_brand_ids,
    timezone_of,
)
from accounts.selectors.credentials import (
    active_user,
    caller_of,
    get_token_caller,
    get_token_user,
    keyring,
    secrets,
    user_of_account,
)
from accounts.selectors.customers import (
    customer_key,
    get_shopper,
    list_shoppers,
    shopper_for,
    shopper_of,
)
from accounts.selectors.staff import (
    admin_permissions,
    key_of,
    member_of,
    members_of,
    open_invitation,
)

__all__ = [
    "active_user",
    "admin_permissions",
    "brand_by_name",
    "caller_of",
    "check_internal",
    "customer_key",
    "get_brand_for_caller",
    "get_merchant_brand",
    "get_shopper",
    "get_token_caller",
    "get_token_user",
    "has_priced_objects",
    "has_slug",
    "is_platform_admin",
    "key_of",
    "keyring",
    "list_shoppers",
    "member_of",
    "members_of",
    "memberships_of",
    "open_invitation",
    "owned_brand",
    "readable_brand_ids",
    "secrets",
    "shopper_for",
    "shopper_of",
    "timezone_of",
    "user_of_account",
]
