from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import selectors, services
from accounts.contracts import Scope
from accounts.models import ApiKey
from tests.factories import BrandFactory, MembershipFactory, ShopperFactory, UserFactory

pytestmark = pytest.mark.django_db


def said(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().split()


def test_a_brands_key_is_printed_once():
    brand = BrandFactory()

    (text,) = said("issue_api_key", "--brand", brand.slug, "--name", "shop")

    found = services.authenticate_api_key(text=text, at=timezone.now())
    assert (found.scope, found.brand_id, ApiKey.objects.get().name) == (Scope.BRAND, brand.pk, "shop")


def test_an_internal_key_is_printed_once():
    (text,) = said("issue_api_key", "--scope", "internal")

    found = services.authenticate_api_key(text=text, at=timezone.now())
    assert (found.scope, found.brand_id) == (Scope.INTERNAL, None)


@pytest.mark.parametrize(
    "arguments", [[], ["--brand", "nobody's"], ["--scope", "everything"], ["--brand", "b", "--scope", "internal"]]
)
def test_a_key_is_for_one_thing_that_exists(arguments):
    with pytest.raises(CommandError):
        said("issue_api_key", *arguments)

    assert not ApiKey.objects.exists()


def test_tokens_are_those_of_the_first_shoppers():
    MembershipFactory(user=ShopperFactory())
    UserFactory()
    shoppers = ShopperFactory.create_batch(3)

    tokens = said("issue_tokens", "--shoppers", "2", "--hours", "5", "--force")

    in_time = timezone.now() + timedelta(hours=4, minutes=59)
    assert [selectors.get_token_caller(token=token, at=in_time) for token in tokens] == [
        selectors.caller_of(user) for user in shoppers[:2]
    ]


def test_there_are_no_more_tokens_than_shoppers():
    ShopperFactory()

    with pytest.raises(CommandError, match="only 1 shoppers"):
        said("issue_tokens", "--shoppers", "2", "--force")


def test_tokens_are_refused_where_it_counts(settings):
    ShopperFactory()

    with pytest.raises(CommandError):
        said("issue_tokens", "--shoppers", "1")
    settings.DEBUG = True
    assert len(said("issue_tokens", "--shoppers", "1")) == 1
