"""Views of URLs in which a verb stands where others of the same form have an ID."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from core.views import APIView


def answer_verb_or_object(verb: type[APIView], view_class: type[APIView], **arguments: Any) -> Callable[..., Any]:
    """Return a view that answers ``POST`` as the verb, and the other methods as the object whose ID is the same word.

    ``arguments`` are those of the object's view. The documentation describes the verb at this URL.
    """
    act, answer = verb.as_view(), view_class.as_view()
    own = {name.upper() for name in view_class.http_method_names if hasattr(view_class, name)} - {"OPTIONS"} | {"HEAD"}

    @wraps(act)
    def view(request: HttpRequest) -> HttpResponse:
        response = answer(request, **arguments) if request.method in own else act(request)
        if "Allow" in response:
            response["Allow"] = ", ".join(sorted(own | {"OPTIONS", "POST"}))
        return response

    return view
