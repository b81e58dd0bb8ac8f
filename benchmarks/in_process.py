"""The platform's WSGI application called in this process: no server, no socket, one request after another."""

import io
import json
from typing import Any

from promoplatform.wsgi import application


def post(path: str, body: dict[str, Any], token: str) -> bytes:
    """Send a POST request and return the response. Raises RuntimeError for an error, so that none is measured."""
    status, sent = "", json.dumps(body).encode()

    def start_response(line: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
        nonlocal status
        status = line

    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(sent)), "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.input": io.BytesIO(sent), "wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    response = application(environ, start_response)
    content = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    if status[:1] != "2":
        raise RuntimeError(f"{status}: {content.decode()}")
    return content
