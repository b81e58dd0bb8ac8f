"""Rights in brands, as the admin asks for them.

The kernel does not know what gives a right; the app that does says so once: ``authority.give(selectors.admin_rights)``.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any


class BrandPermissions(enum.IntEnum):
    """What someone may do to a brand's objects; each includes those before it."""

    READ = 1
    EDIT = 2
    OWN = 3


Authority = Callable[[Any], Mapping[Any, BrandPermissions]]


def _no_permissions(user: Any) -> Mapping[Any, BrandPermissions]:
    return {}


class _PermissionProvider:
    """Answers a user's rights, by the brand's primary key."""

    def __init__(self) -> None:
        self._ask: Authority = _no_permissions

    def register(self, ask: Authority) -> None:
        """Let ``ask`` decide from now on."""
        self._ask = ask

    def __call__(self, user: Any) -> Mapping[Any, BrandPermissions]:
        return self._ask(user)


permission_provider = _PermissionProvider()
