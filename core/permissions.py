"""Permissions per brand, for the admin.

``core`` does not know what grants a permission, so the app that does registers itself:
``permission_provider.register(selectors.admin_permissions)``.
"""

import enum
from collections.abc import Callable, Collection, Mapping
from typing import Any


class BrandPermissions(enum.IntEnum):
    """Permissions for a brand's objects; each includes the ones before it."""

    READ = 1
    EDIT = 2
    OWN = 3


PermissionSource = Callable[[Any], Mapping[Any, BrandPermissions]]


def _no_permissions(user: Any) -> Mapping[Any, BrandPermissions]:
    return {}


class _PermissionProvider:
    """The permissions of a user by the brand's primary key, from a registered source."""

    def __init__(self) -> None:
        self._source: PermissionSource = _no_permissions

    def register(self, source: PermissionSource) -> None:
        """Set the source of permissions."""
        self._source = source

    def __call__(self, user: Any) -> Mapping[Any, BrandPermissions]:
        return self._source(user)


permission_provider = _PermissionProvider()

RightsSource = Callable[[Any], Collection[str]]


class _RightsProvider:
    """The rights of a caller of the API as texts, from a registered source."""

    def __init__(self) -> None:
        self._source: RightsSource = _no_permissions

    def register(self, source: RightsSource) -> None:
        """Set the source of rights."""
        self._source = source

    def __call__(self, caller: Any) -> Collection[str]:
        return self._source(caller)


rights_provider = _RightsProvider()
