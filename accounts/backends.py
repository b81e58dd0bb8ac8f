"""Authentication backend for username, email address or phone number."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts import services
from accounts.models import User
from core import throttle


class AccountBackend(BaseBackend):
    """Password authentication with throttled attempts. ``authenticate`` may raise Throttled and Unavailable."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        address = throttle.client_network(request) if request else ""
        return services.check_credentials(account=username, password=password, address=address)

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, or None if the user has been deactivated."""
        return User.objects.filter(pk=user_id, is_active=True).first()
