"""Django's door to signing in: the admin and Django's own ``authenticate()``."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts import services
from accounts.models import User
from core import throttle


class AccountBackend(BaseBackend):
    """Signs in by username, e-mail or phone; tries are counted, so Throttled and Unavailable may be raised."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        address = throttle.client_ip(request) if request else ""
        return services.check_credentials(account=username, password=password, address=address)

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, unless they were shut out since."""
        return User.objects.filter(pk=user_id, is_active=True).first()
