"""Unsubscribe links with an invalid signature or mail."""

import pytest
from django.core.signing import Signer

from mailings.errors import UnsubscribeLinkInvalid
from mailings.services import unsubscriptions

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("token", ["1", "1:abc", "", Signer().sign("1"), unsubscriptions._signer.sign("4711")])
def test_a_link_without_a_mail_is_rejected(token: str) -> None:
    with pytest.raises(UnsubscribeLinkInvalid):
        unsubscriptions.unsubscribe(token=token)
