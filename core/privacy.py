"""The registry of personal data: which columns lead to a person, and how each is merged, exported and erased.

Every app names its tables in ``<app>/personal_data.py``, a module with ``TABLES``, and ``IMPERSONAL``: columns that
look as if they led to a person but don't, with the reason. A contract test fails on a column that leads to a person and
is not registered.
"""

import enum
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db.models import Model, Q, QuerySet
from django.utils.module_loading import module_has_submodule

MODULE = "personal_data"
MIN_WORD = 8
CHUNK = 500  # rows of an export that are read at a time


class Merge(enum.StrEnum):
    """What a merge of two customers does with a column, for one brand."""

    MOVED = "moved"  # it names the other customer from then on
    UNCHANGED = "unchanged"  # it says what happened before
    NONE = "none"  # customers with an account aren't merged, and content goes with its row


class Erasure(enum.StrEnum):
    """What an erasure does with a column."""

    PSEUDONYM = "pseudonym"  # the key stays, or becomes that of a pseudonym
    SCRUBBED = "scrubbed"  # it is emptied or replaced by random text
    DELETED = "deleted"  # the row is deleted
    UNCHANGED = "unchanged"  # it doesn't lead to the person without what is erased; see ``reason``


@dataclass(frozen=True, slots=True)
class PersonalColumn:
    """A column that leads to a person, with what a merge and an erasure do with it."""

    name: str
    erasure: Erasure
    merge: Merge = Merge.NONE
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data is meant: all of a customer, or with ``brand`` only what that brand keeps."""

    customer: int
    user: int | None = None
    brand: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class ErasedPeople:
    """Customers who are erased together.

    ``pseudonyms`` are the keys of the customers who take their places, by the key of the customer; where all of a
    customer is erased, both are the same. With ``brand``, only what that brand keeps is erased. ``texts`` are what
    names the customers, with what replaces each.
    """

    pseudonyms: Mapping[int, int]
    users: Sequence[int] = ()
    brand: uuid.UUID | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def customers(self) -> list[int]:
        """The keys of the customers, in order."""
        return sorted(self.pseudonyms)

    @property
    def replaced(self) -> list[int]:
        """The keys of the customers who take their places, in order."""
        return sorted(self.pseudonyms.values())


Eraser = Callable[[ErasedPeople], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonalTable:
    """A table with columns that lead to a person.

    ``customer``, ``user`` and ``brand`` are the lookups of the customer's key, the user's key and the brand; a table
    without ``brand`` belongs to the platform. ``export`` names its part of an export, and ``members`` are the lookups
    of its members by name, of which brands don't get the ``private`` ones. ``where`` selects rows of a table that
    others share. Where an index leads to a customer only by way of another table, ``within`` is the column that refers
    to it.

    An erasure deletes the rows if a column says so. Else it sets the values of ``emptied``, and replaces the key of a
    customer which a merge keeps. ``erase`` does the rest. ``is_first`` tables are erased in the first transaction, so
    that nothing is sent to the customer after it.
    """

    model: str
    columns: tuple[PersonalColumn, ...]
    customer: str = ""
    user: str = ""
    brand: str = ""
    export: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    private: frozenset[str] = frozenset()
    where: Mapping[str, Any] = field(default_factory=dict)
    within: str = ""
    emptied: Mapping[str, Any] = field(default_factory=dict)
    erase: Eraser | None = None
    is_first: bool = False

    @property
    def model_class(self) -> type[Model]:
        """The model."""
        return apps.get_model(self.model)

    def find_rows(
        self, *, customers: Sequence[int], users: Sequence[int] = (), brand: uuid.UUID | None = None
    ) -> QuerySet[Any]:
        """Return the rows of these customers and users, all of them or those of a brand."""
        rows: QuerySet[Any] = self.model_class._base_manager.all()  # noqa: SLF001  (managers may hide rows)
        if brand is not None and not self.brand:
            return rows.none()
        condition = Q()
        if self.customer and customers:
            condition |= Q(**{f"{self.customer}__in": customers})
        if self.user and users and brand is None:
            condition |= Q(**{f"{self.user}__in": users})
        if not condition:
            return rows.none()
        rows = rows.filter(condition, **self.where)
        if brand is not None:
            return rows.filter(**{self.brand: brand})
        if self.within:
            parents: Any = self.model_class._meta.get_field(self.within).related_model  # noqa: SLF001
            rows = rows.filter(**{f"{self.within}__in": parents.objects.values("pk")})
        return rows

    @property
    def is_deleted(self) -> bool:
        """Whether an erasure deletes the rows of a person."""
        return any(column.erasure is Erasure.DELETED for column in self.columns)

    @property
    def has_kept_key(self) -> bool:
        """Whether a merge keeps the key of the customer, so that an erasure has to replace it."""
        own = [column for column in self.columns if column.name == self.customer]
        return any(column.merge is Merge.UNCHANGED and column.erasure is Erasure.PSEUDONYM for column in own)

    def erase_rows(self, people: ErasedPeople) -> None:
        """Erase what the table has of people. Repeating it changes nothing more."""
        if self.erase is not None:
            self.erase(people)
        if not self.customer and not self.user:
            return
        rows = self.find_rows(customers=[*people.customers, *people.replaced], users=people.users, brand=people.brand)
        if self.is_deleted:
            rows._raw_delete(rows.db)  # noqa: SLF001  (skips the collector: tables that refer to this one come before it)
            return
        if self.emptied:
            self._update(rows, self.emptied)
        if people.brand is not None and self.has_kept_key:
            for customer, pseudonym in people.pseudonyms.items():
                own = self.find_rows(customers=[customer], brand=people.brand)
                self._update(own, {self.customer: pseudonym})

    def _update(self, rows: QuerySet[Any], values: Mapping[str, Any]) -> None:
        """Change rows. Those of the audit log are changed by the one function that may."""
        if getattr(self.model_class, "pgh_tracked_model", None) is None:
            rows.update(**values)
            return
        (update_history,) = list_hooks("UPDATE_HISTORY")
        update_history(rows, values)

    def iter_exported(self, person: Person) -> Iterator[dict[str, Any]]:
        """Yield the rows of a person for an export, by their keys, with a bounded number of them in memory."""
        users = () if person.user is None else (person.user,)
        rows = self.find_rows(customers=[person.customer], users=users, brand=person.brand)
        hidden = frozenset() if person.brand is None else self.private
        shown = {name: lookup for name, lookup in self.members.items() if name not in hidden}
        for row in rows.order_by("pk").values(*dict.fromkeys(shown.values())).iterator(chunk_size=CHUNK):
            yield {name: row[lookup] for name, lookup in shown.items()}


@cache
def list_tables() -> tuple[PersonalTable, ...]:
    """Return the registered tables, in the order of the apps."""
    return tuple(table for module in _list_modules() for table in module.TABLES)


@cache
def list_impersonal() -> Mapping[str, str]:
    """Return the registered columns that don't lead to a person, ``app.Model.column``, with the reason for each."""
    return {name: reason for module in _list_modules() for name, reason in module.IMPERSONAL.items()}


def _list_modules() -> list[Any]:
    """Return the modules of the installed apps, in the order of the apps."""
    configs = [config for config in apps.get_app_configs() if module_has_submodule(config.module, MODULE)]
    return [import_module(f"{config.name}.{MODULE}") for config in configs]


def members(*names: str, **renamed: str) -> dict[str, str]:
    """Return the members of an export: those that are called as their lookups, and others by name."""
    return {name: name for name in names} | renamed


def keep_key(name: str = "customer", merge: Merge = Merge.MOVED) -> PersonalColumn:
    """Return the column of a customer's key, which stays or becomes that of a pseudonym."""
    return PersonalColumn(name, Erasure.PSEUDONYM, merge)


def replace_texts(document: Any, texts: Mapping[str, str]) -> Any:
    """Return a JSON document in which texts are replaced where they are a whole value or name."""
    if isinstance(document, str):
        return texts.get(document, document)
    if isinstance(document, dict):
        return {texts.get(name, name): replace_texts(value, texts) for name, value in document.items()}
    if isinstance(document, list):
        return [replace_texts(value, texts) for value in document]
    return document


def list_words(texts: Iterable[str]) -> list[str]:
    """Return the texts that are looked for among the words of other texts, in lower case: addresses and long names.

    Short ones, such as the customer ID 1, could be words about anything else.
    """
    return sorted({text.lower() for text in texts if "@" in text or len(text) >= MIN_WORD})


@cache
def list_hooks(name: str) -> tuple[Any, ...]:
    """Return what the modules of personal data have by a name, in the order of the apps.

    ``MOVE_CUSTOMER`` is a function that moves what a brand keeps of a customer to another one, ``UPDATE_HISTORY`` one
    that changes events of the audit log, and ``FINISH`` functions that end an erasure.
    """
    return tuple(getattr(module, name) for module in _list_modules() if hasattr(module, name))
