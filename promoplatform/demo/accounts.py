"""Brands and accounts of the demo; every account has the same password."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone

from accounts.contracts import CheckoutBy, Role
from accounts.models import Brand, Consent, Customer, CustomerProfile, Membership, User
from accounts.services.profiles import word_consent
from core.ids import uuid7

PASSWORD = "demo-pass-1234"  # noqa: S105  (the command refuses to run on a server)
CHUNK = 5_000
BRANDS = {
    "billo": {
        "name": "Billo",
        "timezone": "Europe/Madrid",
        "currency": "EUR",
        "color": "#0f766e",
        "checkout_by": CheckoutBy.SHOPPER,
    },
    "cake": {"name": "Cake", "timezone": "Asia/Ho_Chi_Minh", "currency": "EUR", "color": "#9d174d"},
}
STAFF = {
    "billo-owner": ("billo", Role.OWNER),
    "billo-viewer": ("billo", Role.VIEWER),
    "cake-owner": ("cake", Role.OWNER),
}


def has_brands() -> bool:
    """Tell whether demo data exists, even if some of its brands or accounts were renamed."""
    return Brand.objects.filter(slug__in=BRANDS).exists() or User.objects.filter(username__in=STAFF).exists()


def create_brands() -> dict[str, Brand]:
    """Create the brands of the demo and return them by slug."""
    return {slug: Brand.objects.create(slug=slug, **fields) for slug, fields in BRANDS.items()}


def create_staff(brands: dict[str, Brand]) -> None:
    """Create the superuser ``admin`` unless there is one, and the owners and viewers of the brands."""
    if not User.objects.with_username("admin").exists():
        User.objects.create_superuser("admin", "admin@demo.example", PASSWORD, email_verified_at=timezone.now())
    for username, (slug, role) in STAFF.items():
        user = User.objects.create_user(
            username, f"{username}@demo.example", PASSWORD, email_verified_at=timezone.now()
        )
        Membership.objects.create(user=user, brand=brands[slug], role=role)


def create_shoppers(total: int, *, report: Callable[[int, int], None]) -> int:
    """Create ``shopper1`` … with the customers ``c1`` …, in chunks; return the number of new customers."""
    password, created = make_password(PASSWORD), 0
    for start in range(1, total + 1, CHUNK):
        numbers = range(start, min(start + CHUNK, total + 1))
        created += _create_chunk(numbers, password)
        report(numbers[-1], total)
    return created


@transaction.atomic
def _create_chunk(numbers: range, password: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM accounts_customer WHERE customer_id = ANY(%s)", [[f"c{number}" for number in numbers]]
        )
        before: int = cursor.fetchone()[0]
    now = timezone.now()
    User.objects.bulk_create(
        [
            User(
                uuid=uuid7(),
                username=f"shopper{number}",
                email=f"shopper{number}@demo.example",
                password=password,
                email_verified_at=now,
            )
            for number in numbers
        ],
        ignore_conflicts=True,
    )
    ids = dict(
        User.objects.filter(username__in=[f"shopper{number}" for number in numbers]).values_list("username", "pk")
    )
    Customer.objects.bulk_create(
        [
            Customer(customer_id=f"c{number}", user_id=ids[f"shopper{number}"])
            for number in numbers
            if f"shopper{number}" in ids  # unless the user was renamed
        ],
        ignore_conflicts=True,
    )
    _give_consents([f"c{number}" for number in numbers], now)
    return len(numbers) - before


def _give_consents(customer_ids: Sequence[str], at: datetime) -> None:
    """Let the customers that no brand knows consent to the emails of the demo's brands."""
    customers = Customer.objects.filter(customer_id__in=customer_ids, profiles=None)
    brands = Brand.objects.filter(slug__in=BRANDS)
    profiles = CustomerProfile.objects.bulk_create(
        CustomerProfile(brand=brand, customer=customer, marketing_consent=True, updated_at=at)
        for customer in customers
        for brand in brands
    )
    Consent.objects.bulk_create(
        Consent(profile=profile, granted=True, wording=word_consent(profile.brand), decided_at=at)
        for profile in profiles
    )
