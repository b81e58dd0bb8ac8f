import zoneinfo

import pytest

from accounts import selectors, services
from accounts.contracts import Role, Scope, Shopper
from accounts.models import Customer
from core.errors import InvalidRequest, PermissionDenied
from tests.factories import ApiKeyFactory, BrandFactory, CustomerFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


def key_caller(**fields):
    """Return the caller of a new API key."""
    key = ApiKeyFactory(**fields)
    return services.authenticate_api_key(text=key.text, address="", at=key.created_at)


# --- get_brand_for_caller --------------------------------------------------------------------------------------------
def test_a_member_of_one_brand_acts_for_it_without_a_slug(caller):
    member = MembershipFactory(role=Role.EDITOR)

    assert selectors.get_brand_for_caller(caller=caller(member.user), edit=True) == member.brand


def test_a_viewer_can_read_but_not_edit(caller):
    member = MembershipFactory(role=Role.VIEWER)

    assert selectors.get_brand_for_caller(caller=caller(member.user)) == member.brand
    with pytest.raises(PermissionDenied):
        selectors.get_brand_for_caller(caller=caller(member.user), edit=True)


def test_a_member_of_several_brands_must_name_one(caller):
    first = MembershipFactory()
    second = MembershipFactory(user=first.user)

    with pytest.raises(InvalidRequest) as raised:
        selectors.get_brand_for_caller(caller=caller(first.user))

    assert [error["field"] for error in raised.value.errors or []] == ["brand"]
    assert selectors.get_brand_for_caller(caller=caller(first.user), slug=second.brand.slug) == second.brand


def test_nobody_acts_for_another_brand(caller):
    other = BrandFactory()
    key = key_caller()

    for each_caller in (caller(MembershipFactory().user), caller(ShopperFactory()), key):
        for slug in (other.slug, "no-such-brand"):
            with pytest.raises(PermissionDenied):
                selectors.get_brand_for_caller(caller=each_caller, slug=slug)


def test_a_shopper_cannot_act_for_a_brand(caller):
    with pytest.raises(PermissionDenied):
        selectors.get_brand_for_caller(caller=caller(ShopperFactory()))


def test_a_brands_api_key_can_edit():
    brand = BrandFactory()
    key = key_caller(brand=brand)

    assert selectors.get_brand_for_caller(caller=key, edit=True) == brand
    assert selectors.get_brand_for_caller(caller=key, slug=brand.slug, edit=True) == brand


def test_an_internal_api_key_cannot_act_for_a_brand():
    key = key_caller(internal=True)

    assert key.scopes == {Scope.INTERNAL}
    with pytest.raises(PermissionDenied):
        selectors.get_brand_for_caller(caller=key, slug=BrandFactory().slug)
    assert selectors.readable_brand_ids(key) == []


def test_a_platform_admin_must_name_the_brand(caller):
    admin, brand = UserFactory(is_superuser=True), BrandFactory()

    assert selectors.get_brand_for_caller(caller=caller(admin), slug=brand.slug, edit=True) == brand
    for slug in (None, "no-such-brand"):
        with pytest.raises(InvalidRequest):
            selectors.get_brand_for_caller(caller=caller(admin), slug=slug)


def test_nobody_acts_for_an_inactive_brand(caller):
    brand = BrandFactory(is_active=False)
    callers = [
        caller(MembershipFactory(brand=brand).user),
        caller(UserFactory(is_superuser=True)),
        key_caller(brand=brand),
    ]

    for each_caller in callers:
        with pytest.raises(PermissionDenied):
            selectors.get_brand_for_caller(caller=each_caller, slug=brand.slug)


def test_a_token_gives_no_permissions_that_its_user_has_lost(caller):
    member, admin = MembershipFactory(), UserFactory(is_superuser=True)
    callers = [caller(member.user), caller(admin)]
    member.user.is_active = admin.is_superuser = False
    member.user.save()
    admin.save()

    for each_caller in callers:
        with pytest.raises(PermissionDenied):
            selectors.get_brand_for_caller(caller=each_caller, slug=member.brand.slug)
        assert selectors.readable_brand_ids(each_caller) == []


# --- readable_brand_ids ----------------------------------------------------------------------------------------------
def test_each_caller_reads_only_their_own_brands(caller):
    member = MembershipFactory(role=Role.VIEWER)
    MembershipFactory(user=member.user, brand=BrandFactory(is_active=False))
    brand = BrandFactory()

    assert selectors.readable_brand_ids(caller(member.user)) == [member.brand.pk]
    assert selectors.readable_brand_ids(key_caller(brand=brand)) == [brand.pk]
    assert selectors.readable_brand_ids(key_caller(brand=BrandFactory(is_active=False))) == []
    assert selectors.readable_brand_ids(caller(ShopperFactory())) == []
    assert selectors.readable_brand_ids(caller(UserFactory(is_superuser=True))) is None


# --- shopper_for -----------------------------------------------------------------------------------------------------
def test_a_shopper_can_only_act_for_themselves(caller):
    user, other = ShopperFactory(), CustomerFactory()
    own = Shopper(user.customer.pk, user.customer.customer_id, user.uuid)

    assert selectors.shopper_for(caller=caller(user), customer_id=None) == own
    assert selectors.shopper_for(caller=caller(user), customer_id=own.customer_id) == own
    for customer_id in (other.customer_id, "nobody", ""):
        with pytest.raises(PermissionDenied):
            selectors.shopper_for(caller=caller(user), customer_id=customer_id)


def test_a_brands_server_must_name_a_valid_customer():
    key, customer, user = key_caller(), CustomerFactory(), ShopperFactory()

    assert selectors.shopper_for(caller=key, customer_id=customer.customer_id) == Shopper(
        customer.pk, customer.customer_id
    )
    assert selectors.shopper_for(caller=key, customer_id=user.customer.customer_id).user_id == user.uuid
    for customer_id in (None, "", "x" * 101, "a\0b"):
        with pytest.raises(InvalidRequest) as raised:
            selectors.shopper_for(caller=key, customer_id=customer_id)
        assert [error["field"] for error in raised.value.errors or []] == ["customer_id"]


def test_an_unknown_customer_has_no_row_until_one_is_created():
    shopper = selectors.shopper_for(caller=key_caller(), customer_id="new-customer")

    assert shopper == Shopper(None, "new-customer")
    assert not Customer.objects.filter(customer_id="new-customer").exists()

    created = services.get_or_create_customer(shopper=shopper)
    assert created == Shopper(Customer.objects.get(customer_id="new-customer").pk, "new-customer")
    assert services.get_or_create_customer(shopper=created) == created


def test_callers_without_a_customer_have_no_shopper(caller):
    for each_caller in (caller(UserFactory()), key_caller(internal=True)):
        with pytest.raises(PermissionDenied):
            selectors.shopper_for(caller=each_caller, customer_id=None)


@pytest.mark.django_db(transaction=True)
def test_concurrent_callers_create_one_customer_row(run_concurrently):
    shoppers = run_concurrently(
        lambda name: services.get_or_create_customer(shopper=Shopper(None, name)), ["crowded"] * 12
    )

    assert len(set(shoppers)) == 1
    assert Customer.objects.filter(customer_id="crowded").count() == 1


# --- other selectors -------------------------------------------------------------------------------------------------
def test_a_brand_has_its_own_time_zone():
    assert selectors.timezone_of(BrandFactory(timezone="Europe/Madrid")) == zoneinfo.ZoneInfo("Europe/Madrid")


def test_a_user_is_found_by_every_identifier_with_one_query(django_assert_num_queries):
    user = UserFactory(username="Ann", email="Ann@Example.com", phone="+34600000000")

    for account in ("ann", "ANN@example.COM", "+34 600 000 000", "0034600000000", " Ann "):
        with django_assert_num_queries(1):
            assert selectors.user_of_account(account) == user
    for account in ("", "@", "+34600000001", "ann\0", "bob"):
        assert selectors.user_of_account(account) is None
