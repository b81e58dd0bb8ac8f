"""Kinds of offer of other packages, which their entry points name (docs/adding-a-kind.md)."""

from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points

from django.core.exceptions import ImproperlyConfigured

GROUP = "promoplatform.redemption_backends"


def find_backends(*, taken: Collection[str] = ()) -> list[EntryPoint]:
    """Return the entry points of installed packages that name a backend, sorted by kind.

    Raises ImproperlyConfigured for a kind that is ``taken`` or that two packages name.
    """
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    kinds = [*taken, *(entry.name for entry in found)]
    for entry in found:
        if kinds.count(entry.name) > 1:
            raise ImproperlyConfigured(f"Two packages have a kind of offer named {entry.name!r}. Remove one of them.")
    return found


def list_backend_apps() -> list[str]:
    """Return the Django apps of these backends: the packages of their modules."""
    return [entry.module.rpartition(".")[0] for entry in find_backends()]
