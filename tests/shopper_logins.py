"""A brand with its own login on this machine, and tokens that it signs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts import services
from accounts.adapters.shopper_tokens import verified_tokens
from accounts.models import Brand, ShopperIssuer
from core import signing_keys
from tests.fakes.identity_provider import KEYS, FakeProvider, SigningKey

RSA_KEY = SigningKey("first")  # made once, as making one takes long


@dataclass
class Shop:
    """A brand with its own login."""

    brand: Brand
    login: FakeProvider
    row: ShopperIssuer

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a good token, with changes; None leaves one out."""
        now = int(timezone.now().timestamp())
        claims = {"iss": self.login.issuer, "aud": "shop", "sub": "42", "iat": now, "exp": now + 600} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, **changes: Any) -> str:
        """Return a token that the login signed."""
        return self.login.signer.sign(self.claims(**changes))

    def change(self, **fields: Any) -> None:
        """Change the settings of the login."""
        ShopperIssuer.objects.filter(pk=self.row.pk).update(**fields)


@contextmanager
def open_shop(brand: Brand, settings: Any) -> Iterator[Shop]:
    """Give a brand its own login, which listens on this machine."""
    settings.OUTBOUND_PRIVATE_NETWORKS = True
    signing_keys.key_sets.clear()
    verified_tokens.clear()
    with FakeProvider() as login:
        login.signer, login.published = RSA_KEY, [RSA_KEY]
        row = ShopperIssuer(brand=brand, issuer=login.issuer, audience="shop", jwks_url=login.issuer + KEYS)
        yield Shop(brand, login, services.save_shopper_issuer(issuer=row))
