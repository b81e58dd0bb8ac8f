"""Endpoints that change the status of an offer, the same for every kind."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.views import APIView
from redemptions.errors import InvalidStatus
from redemptions.lifecycle import Action

DESCRIPTIONS = {
    Action.ACTIVATE: "Publish a draft: it becomes scheduled, or active after its start date.",
    Action.PAUSE: "Pause the offer: nobody can redeem it until it is resumed. Reservations stay valid.",
    Action.RESUME: "Resume a paused offer.",
    Action.END: "End the offer now. Its redemptions stay valid. A later end date makes it active again.",
    Action.ARCHIVE: "Archive the offer, which ends it for good. Its redemptions stay valid.",
}
VOLATILE = frozenset(
    {
        "status", "warnings", "results", "budget_left", "remaining", "segment", "audience", "issued", "logins",
        "notified", "codes", "job",
    }
)  # fmt: skip
"""Members of offers that follow from time and from their use, not from changes by the brand."""
Apply = Callable[[Request, Any, Action], Any]


class OfferActionView(APIView):
    """``…/activate/``, ``…/pause/``, ``…/resume/``, ``…/end/`` and ``…/archive/``"""

    offer_action: ClassVar[Action]  # not `action`, which names the method of a view set
    apply: ClassVar[Apply]
    versioned_object: ClassVar[VersionedObject]

    @idempotent
    @versioned
    def post(self, request: Request, **names: Any) -> Response:
        """Change the status of an offer. Repeating an action has no effect."""
        (name,) = names.values()
        return Response(type(self).apply(request, name, self.offer_action))


def action_paths(
    prefix: str,
    apply: Apply,
    *,
    serializer: type[BaseSerializer[Any]],
    name: str,
    versioned_object: VersionedObject,
    parameters: Sequence[OpenApiParameter] = (),
) -> list[URLPattern]:
    """Return a path below ``prefix`` for each action of an offer.

    ``apply(request, ID, action)`` changes the offer for the caller and returns what ``serializer`` describes, and
    ``versioned_object`` says how the offer is read.
    ``parameters`` are those of the URL's query.
    """
    paths = []
    for action in Action:
        members = {"offer_action": action, "apply": apply, "versioned_object": versioned_object}
        view = cast("type[OfferActionView]", type(f"{name.title()}{action.title()}View", (OfferActionView,), members))
        schema = extend_schema(
            parameters=list(parameters),
            request=None,
            responses={200: serializer, **problem_responses(InvalidStatus)},
            operation_id=f"{name}_{action}",
            description=DESCRIPTIONS[action],
        )
        documented = extend_schema_view(post=schema)(view)
        paths.append(path(f"{prefix}{action}/", documented.as_view(), name=f"{name}-{action}".replace("_", "-")))
    return paths
