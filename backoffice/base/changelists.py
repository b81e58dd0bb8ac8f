"""Lists of the admin: figures that are queried once for a page, and pages of large tables."""

import math
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest
from unfold.views import ChangeList


class AnnotatedChangeList(ChangeList):
    """A page of rows whose figures are queried once for all rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: list[Any] = list(self.result_list)
        self.annotate(self.result_list)

    def annotate(self, rows: list[Any]) -> None:
        """Set the figures of each row."""
        raise NotImplementedError


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator for a table of any size.

    It takes the planner's estimate for the length of a whole table, counts the rows of a search up to
    ``EXACT_COUNT_LIMIT``, and offers at most ``MAX_PAGES`` pages.
    """

    EXACT_COUNT_LIMIT = 10_000
    MAX_PAGES = 1_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if rows.query.where:
            return len(rows.order_by().values_list("pk")[: self.EXACT_COUNT_LIMIT])
        table = rows.model._meta.db_table  # noqa: SLF001
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
            estimate = cursor.fetchone()[0]
        return (
            int(estimate)
            if estimate > self.EXACT_COUNT_LIMIT
            else len(rows.order_by().values_list("pk")[: self.EXACT_COUNT_LIMIT])
        )

    @cached_property
    def num_pages(self) -> int:
        return max(1, min(self.MAX_PAGES, math.ceil(self.count / self.per_page)))
