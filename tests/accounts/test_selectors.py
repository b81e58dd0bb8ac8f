import zoneinfo

import pytest

from accounts import selectors, services
from accounts.contracts import Role, Scope, Shopper
from accounts.models import Customer
from core.errors import InvalidRequest, PermissionDenied
from tests.factories import ApiKeyFactory, BrandFactory, CustomerFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


def of_key(**fields):
    key = ApiKeyFactory(**fields)
    return services.authenticate_api_key(text=key.text, at=key.created_at)


# --- acting_brand ----------------------------------------------------------------------------------------------------
def test_a_member_of_one_brand_acts_for_it_without_naming_it(caller):
    member = MembershipFactory(role=Role.EDITOR)

    assert selectors.get_brand_for_caller(caller=caller(member.user), edit=True) == member.brand


def test_a_viewer_reads_but_does_not_write(caller):
    member = MembershipFactory(role=Role.VIEWER)

    assert selectors.get_brand_for_caller(caller=caller(member.user)) == member.brand
    with pytest.raises(PermissionDenied):
        selectors.get_brand_for_caller(caller=caller(member.user), edit=True)


def test_who_works_for_several_brands_names_one(caller):
    first = MembershipFactory()
    second = MembershipFactory(user=first.user)

    with pytest.raises(InvalidRequest) as refused:
        selectors.get_brand_for_caller(caller=caller(first.user))

    assert [fault["field"] for fault in refused.value.errors or []] == ["brand"]
    assert selectors.get_brand_for_caller(caller=caller(first.user), slug=second.brand.slug) == second.brand


def test_nobody_acts_for_a_brand_that_is_not_theirs(caller):
    other = BrandFactory()
    key = of_key()

    for who in (caller(MembershipFactory().user), caller(ShopperFactory()), key):
        for slug in (other.slug, "no-such-brand"):
            with pytest.raises(PermissionDenied):
                selectors.get_brand_for_caller(caller=who, slug=slug)


def test_a_shopper_acts_for_no_brand(caller):
    with pytest.raises(PermissionDenied):
        selectors.get_brand_for_caller(caller=caller(ShopperFactory()))


def test_a_brands_key_may_what_an_editor_may():
    brand = BrandFactory()
    key = of_key(brand=brand)

    assert selectors.get_brand_for_caller(caller=key, edit=True) == brand
    assert selectors.get_brand_for_caller(caller=key, slug=brand.slug, edit=True) == brand


def test_an_internal_key_acts_for_no_brand():
    key = of_key(internal=True)

    assert key.scope is Scope.INTERNAL
    with pytest.raises(PermissionDenied):
        selectors.get_brand_for_caller(caller=key, slug=BrandFactory().slug)
    assert selectors.readable_brand_ids(key) == []


def test_a_platform_admin_names_the_brand(caller):
    admin, brand = UserFactory(is_superuser=True), BrandFactory()

    assert selectors.get_brand_for_caller(caller=caller(admin), slug=brand.slug, edit=True) == brand
    for slug in (None, "no-such-brand"):
        with pytest.raises(InvalidRequest):
            selectors.get_brand_for_caller(caller=caller(admin), slug=slug)


def test_nobody_acts_for_an_inactive_brand(caller):
    brand = BrandFactory(is_active=False)
    callers = [caller(MembershipFactory(brand=brand).user), caller(UserFactory(is_superuser=True)), of_key(brand=brand)]

    for who in callers:
        with pytest.raises(PermissionDenied):
            selectors.get_brand_for_caller(caller=who, slug=brand.slug)


def test_a_token_that_outlived_its_users_rights_gives_none(caller):
    member, admin = MembershipFactory(), UserFactory(is_superuser=True)
    callers = [caller(member.user), caller(admin)]
    member.user.is_active = admin.is_superuser = False
    member.user.save()
    admin.save()

    for who in callers:
        with pytest.raises(PermissionDenied):
            selectors.get_brand_for_caller(caller=who, slug=member.brand.slug)
        assert selectors.readable_brand_ids(who) == []


# --- readable_brand_ids ----------------------------------------------------------------------------------------------
def test_each_caller_reads_their_own_brands(caller):
    member = MembershipFactory(role=Role.VIEWER)
    MembershipFactory(user=member.user, brand=BrandFactory(is_active=False))
    brand = BrandFactory()

    assert selectors.readable_brand_ids(caller(member.user)) == [member.brand.pk]
    assert selectors.readable_brand_ids(of_key(brand=brand)) == [brand.pk]
    assert selectors.readable_brand_ids(of_key(brand=BrandFactory(is_active=False))) == []
    assert selectors.readable_brand_ids(caller(ShopperFactory())) == []
    assert selectors.readable_brand_ids(caller(UserFactory(is_superuser=True))) is None


# --- shopper_for -----------------------------------------------------------------------------------------------------
def test_a_shopper_shops_for_themselves_alone(caller):
    user, other = ShopperFactory(), CustomerFactory()
    own = Shopper(user.customer.pk, user.customer.customer_id, user.uuid)

    assert selectors.shopper_for(caller=caller(user), customer_id=None) == own
    assert selectors.shopper_for(caller=caller(user), customer_id=own.customer_id) == own
    for customer_id in (other.customer_id, "nobody", ""):
        with pytest.raises(PermissionDenied):
            selectors.shopper_for(caller=caller(user), customer_id=customer_id)


def test_a_brands_server_names_the_customer():
    key, customer, user = of_key(), CustomerFactory(), ShopperFactory()

    assert selectors.shopper_for(caller=key, customer_id=customer.customer_id) == Shopper(
        customer.pk, customer.customer_id
    )
    assert selectors.shopper_for(caller=key, customer_id=user.customer.customer_id).user_id == user.uuid
    for customer_id in (None, "", "x" * 101, "a\0b"):
        with pytest.raises(InvalidRequest) as refused:
            selectors.shopper_for(caller=key, customer_id=customer_id)
        assert [fault["field"] for fault in refused.value.errors or []] == ["customer_id"]


def test_a_customer_never_seen_has_no_row_until_one_is_needed():
    shopper = selectors.shopper_for(caller=of_key(), customer_id="never-seen")

    assert shopper == Shopper(None, "never-seen")
    assert not Customer.objects.filter(customer_id="never-seen").exists()

    known = services.get_or_create_customer(shopper=shopper)
    assert known == Shopper(Customer.objects.get(customer_id="never-seen").pk, "never-seen")
    assert services.get_or_create_customer(shopper=known) == known


def test_who_neither_shops_nor_sells_has_no_shopper(caller):
    for who in (caller(UserFactory()), of_key(internal=True)):
        with pytest.raises(PermissionDenied):
            selectors.shopper_for(caller=who, customer_id=None)


@pytest.mark.django_db(transaction=True)
def test_a_customer_seen_by_many_at_once_is_one(run_concurrently):
    found = run_concurrently(
        lambda name: services.get_or_create_customer(shopper=Shopper(None, name)), ["crowded"] * 12
    )

    assert len(set(found)) == 1
    assert Customer.objects.filter(customer_id="crowded").count() == 1


# --- the rest --------------------------------------------------------------------------------------------------------
def test_a_brand_has_its_own_clock():
    assert selectors.timezone_of(BrandFactory(timezone="Europe/Madrid")) == zoneinfo.ZoneInfo("Europe/Madrid")


def test_a_user_is_found_by_each_of_their_names_through_an_index(django_assert_num_queries):
    user = UserFactory(username="Ann", email="Ann@Example.com", phone="+34600000000")

    for account in ("ann", "ANN@example.COM", "+34 600 000 000", "0034600000000", " Ann "):
        with django_assert_num_queries(1):
            assert selectors.user_of_account(account) == user
    for account in ("", "@", "+34600000001", "ann\0", "bob"):
        assert selectors.user_of_account(account) is None
