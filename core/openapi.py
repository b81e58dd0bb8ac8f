"""The API's own description (OpenAPI): what every operation of the house has in common."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.permissions import AllowAny

from core import errors
from core.api import CursorPagination
from core.errors import DomainError
from core.problems import CONTENT_TYPE

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters. The same request with the same key is done once.",
)  # fmt: skip


class FieldErrorSerializer(serializers.Serializer[Any]):
    """One field that was refused."""

    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """A refusal (RFC 9457). `code` is the contract; some codes add members of their own."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]


def problem_responses(*refusals: type[DomainError]) -> dict[int, OpenApiResponse]:
    """These refusals as an operation's ``responses``: ``responses={201: Answer, **problems(CodeTaken)}``."""
    by_status: dict[int, list[type[DomainError]]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    return {
        status: OpenApiResponse(ProblemSerializer, " ".join(f"`{one.code}`: {one.message}" for one in found))
        for status, found in by_status.items()
    }


class ProblemAutoSchema(AutoSchema):
    """Adds the refusals that any operation may answer, the Idempotency-Key header and the parameters of lists."""

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        return [*parameters, IDEMPOTENCY_KEY] if self._is_idempotent() else parameters

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        answers: dict[str, Any] = super()._get_response_bodies(direction)
        for status, response in problem_responses(*self._common_errors()).items():
            known = answers.get(str(status))
            if known is None:
                answers[str(status)] = self._get_response_for_code(response, str(status), direction=direction)
            else:
                known["description"] = " ".join(filter(None, [known.get("description"), str(response.description)]))
        other = OpenApiResponse(ProblemSerializer, "Any other refusal")
        answers["default"] = self._get_response_for_code(other, "default", direction=direction)
        return dict(sorted(answers.items()))

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        if media_types is None and (status_code == "default" or int(status_code) >= 400):
            media_types = [CONTENT_TYPE]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)

    def _common_errors(self) -> list[type[DomainError]]:
        found: list[type[DomainError]] = [
            errors.InvalidRequest,
            errors.NotAcceptable,
            errors.Throttled,
            errors.Unavailable,
            errors.Busy,
        ]
        if not any(isinstance(permission, AllowAny) for permission in self.view.get_permissions()):
            found += [errors.NotAuthenticated, errors.TokenInvalid, errors.TokenExpired, errors.PermissionDenied]
        if "{" in self.path:
            found.append(errors.NotFound)
        if self.method in ("POST", "PUT", "PATCH"):
            found += [errors.PayloadTooLarge, errors.UnsupportedMediaType]
        if self._is_idempotent():
            found += [errors.IdempotencyInProgress, errors.IdempotencyKeyReused]
        return found

    def _is_idempotent(self) -> bool:
        method = getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)
        return bool(getattr(method, "idempotent", False))

    def _get_pagination_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_pagination_parameters()
        for parameter in parameters:
            if parameter["name"] == CursorPagination.page_size_query_param:
                parameter["schema"] |= {
                    "minimum": 1,
                    "maximum": CursorPagination.max_page_size,
                    "default": CursorPagination.page_size,
                }
        return parameters

    def _get_paginator(self) -> BasePagination | None:
        """A plain view that answers a list answers pages of it; one that does not says ``pagination_class = None``."""
        if hasattr(self.view, "pagination_class"):
            found: BasePagination | None = super()._get_paginator()
            return found
        return CursorPagination()
