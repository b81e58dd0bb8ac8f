from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import selectors, services
from accounts.contracts import BRAND_SCOPES, Scope
from accounts.models import ApiKey
from tests.factories import BrandFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().split()


def test_a_brands_api_key_is_printed_once():
    brand = BrandFactory()

    (text,) = run("issue_api_key", "--brand", brand.slug, "--name", "shop")

    caller = services.authenticate_api_key(text=text, address="", at=timezone.now())
    assert (caller.scopes, caller.brand_id, ApiKey.objects.get().name) == (frozenset(BRAND_SCOPES), brand.pk, "shop")


def test_the_rights_of_an_api_key_are_options():
    brand = BrandFactory()
    options = ["--scope", "read", "--scope", "checkout", "--address", "203.0.113.7", "--expires", "2999-01-01T00:00Z"]

    run("issue_api_key", "--brand", brand.slug, *options)
    (internal,) = run("issue_api_key", "--scope", "internal", "--brand", brand.slug)

    newest, key = ApiKey.objects.order_by("-pk")
    assert (key.scopes, key.addresses) == (["read", "checkout"], ["203.0.113.7/32"])
    assert str(key.expires_at) == "2999-01-01 00:00:00+00:00"
    assert (newest.brand, newest.internal_brands) == (None, [brand.pk])
    caller = services.authenticate_api_key(text=internal, address="", at=timezone.now())
    assert caller.internal_brand_ids == frozenset({brand.pk})


@pytest.mark.parametrize("scope", [Scope.CHECKOUT, Scope.INTERNAL])
def test_an_api_key_of_the_platform_is_printed_once(scope):
    (text,) = run("issue_api_key", "--scope", scope)

    caller = services.authenticate_api_key(text=text, address="", at=timezone.now())
    assert (caller.scopes, caller.brand_id) == (frozenset({scope}), None)


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--brand", "nobody's"], ["--scope", "everything"], ["--scope", "read"],
        ["--scope", "checkout", "--scope", "internal"], ["--brand", "billo", "--brand", "cake"],
        ["--brand", "billo", "--scope", "read", "--scope", "internal"], ["--brand", "billo", "--address", "here"],
        ["--brand", "billo", "--expires", "2999-01-01"], ["--brand", "billo", "--expires", "2001-01-01T00:00Z"],
    ],
)  # fmt: skip
def test_issuing_a_key_requires_rights_that_fit_together(arguments):
    BrandFactory(slug="billo")
    BrandFactory(slug="cake")

    with pytest.raises(CommandError):
        run("issue_api_key", *arguments)

    assert not ApiKey.objects.exists()


def test_tokens_are_issued_for_the_first_shoppers_who_are_not_staff():
    MembershipFactory(user=ShopperFactory())
    UserFactory()
    shoppers = ShopperFactory.create_batch(3)

    tokens = run("issue_tokens", "--shoppers", "2", "--hours", "5", "--force")

    in_time = timezone.now() + timedelta(hours=4, minutes=59)
    assert [selectors.get_token_caller(token=token, at=in_time) for token in tokens] == [
        selectors.caller_of(user) for user in shoppers[:2]
    ]


def test_issuing_more_tokens_than_shoppers_fails():
    ShopperFactory()

    with pytest.raises(CommandError, match="Only 1 shopper exists"):
        run("issue_tokens", "--shoppers", "2", "--force")


def test_tokens_are_issued_only_with_debug_or_force(settings):
    ShopperFactory()

    with pytest.raises(CommandError):
        run("issue_tokens", "--shoppers", "1")
    settings.DEBUG = True
    assert len(run("issue_tokens", "--shoppers", "1")) == 1
