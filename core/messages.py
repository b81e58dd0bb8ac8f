"""Messages of modules without Django: English texts that are translated where they are answered."""

from typing import Any


class Message(str):
    """A text in English that keeps its template and the values in it, by which ``translate`` finds its translation."""

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]


def message(template: str, **values: Any) -> Message:
    """Return a message; its placeholders have the form ``%(name)s``. Imported as ``_``, so that it is extracted."""
    text = Message(template % values if values else template)
    text.template, text.values = template, values
    return text
