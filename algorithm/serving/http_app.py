"""The HTTP face of the platform's inference container, in front of one service object."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, g, render_template_string, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.wrappers import Response as PlainResponse

from algorithm.serving.access_log import log_request, request_id
from algorithm.serving.limits import BODY_LIMIT, FORM_PARTS_LIMIT
from algorithm.serving.model_handler import load_service
from algorithm.serving.model_title import model_title
from algorithm.serving.prometheus_metrics import CONTENT_TYPE
from algorithm.serving.service_state import Standing

LOGGER = logging.getLogger(__name__)
PATHS = ("/", "/health", "/metrics")
PAGE = Path(__file__).with_name("page.html")
JSON_TYPE = "application/json"
ERROR_MESSAGES = {"MR.0101": "The input parameter is invalid", "MR.0105": "Recognition failed"}


def create_app(model_dir: str | os.PathLike[str]) -> Flask:
    """Return a Flask application that answers for a model folder.

    Args:
        model_dir: The model folder.

    Returns:
        The application.

    Raises:
        DataError: See load_service.
    """
    return app_around(Standing(load_service(model_dir)), model_title(model_dir))


def app_around(standing: Any, title: str = "") -> Flask:
    """Return a Flask application around a Standing: POST / and GET /, /health, /metrics.

    Args:
        standing: The service.
        title: What the page says of the model.

    Returns:
        The application.
    """
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT, MAX_FORM_PARTS=FORM_PARTS_LIMIT)
    app.add_url_rule(
        "/", view_func=lambda: answer(standing, request), methods=["POST"], endpoint="inference"
    )
    app.add_url_rule("/", view_func=lambda: page(title), methods=["GET"], endpoint="page")
    app.add_url_rule(
        "/health", view_func=lambda: health(standing), methods=["GET"], endpoint="health"
    )
    app.add_url_rule(
        "/metrics",
        view_func=lambda: Response(standing.metrics.text(), content_type=CONTENT_TYPE),
        methods=["GET"],
        endpoint="metrics",
    )
    app.register_error_handler(HTTPException, http_error)
    app.before_request(_begin)
    app.after_request(lambda response: _end(standing, response))
    return app


def answer(standing: Any, incoming: Request) -> Response:
    """Return the reply of the service, or the documented error.

    The status of an error is 400 for a KeyError or TypeError in the service, an error's own
    `http_status`, or 500.

    Args:
        standing: The service.
        incoming: The request.

    Returns:
        The response.

    Raises:
        BadRequest: See request_data.
    """
    data = request_data(incoming)
    try:
        return Response(
            json.dumps(standing.inference(data), ensure_ascii=False, allow_nan=False),
            mimetype=JSON_TYPE,
        )
    except Exception as error:
        reason = getattr(error, "reason", None)  # only errors made for the client carry one
        status = (
            400 if isinstance(error, (KeyError, TypeError)) else getattr(error, "http_status", 500)
        )
        LOGGER.error(
            "request %s answered with %d: %r", g.id, status, error, exc_info=reason is None
        )
        shown = reason if status in (400, 503) and isinstance(reason, str) else None
        headers = {"Retry-After": str(error.retry_after)} if hasattr(error, "retry_after") else {}
        return Response(
            error_body("MR.0105", shown, g.id if status >= 500 else None),
            status,
            headers,
            mimetype=JSON_TYPE,
        )


def known_path(path: str) -> str:
    """Return the path where it is one of ours, else "other"."""
    return path if path in PATHS else "other"


def _begin() -> None:
    g.begun, g.id = time.perf_counter(), request_id(request.headers.get("X-Request-Id"))


def _end(standing: Any, response: Response) -> Response:
    seconds = time.perf_counter() - g.begun
    response.headers["X-Request-Id"] = g.id
    standing.metrics.answered(
        request.method, known_path(request.path), response.status_code, seconds
    )
    log_request(
        g.id,
        request.remote_addr,
        request.method,
        known_path(request.path),
        response.status_code,
        request.content_length,
        seconds,
    )
    return response


def request_data(incoming: Request) -> Any:
    """Return what a service is given of a request.

    Args:
        incoming: The request.

    Returns:
        The JSON body, or {field: text} and {field: {file name: BytesIO}}, with the URL's query; of
        a JSON list the query is one more item.

    Raises:
        BadRequest: The request has neither JSON, form nor files, or a field has two values.
    """
    data = incoming.get_json(silent=True)
    if not data:
        data = form_data(incoming)
    if not data:
        raise BadRequest(
            "expected a multipart form with a picture in the field 'images', or JSON, found neither"
        )
    query = single_values(incoming.args, "query")
    if isinstance(data, list) and query:
        return [*data, query]
    if isinstance(data, dict):
        for field in query.keys() & data.keys():
            if str(data[field]) != query[field]:
                raise BadRequest(
                    f"the field '{field}' is {query[field]!r} in the query and another in the "
                    "body: give it once"
                )
        data.update((field, text) for field, text in query.items() if field not in data)
    return data


def single_values(given: MultiDict[str, str], where: str) -> dict[str, str]:
    """Return the one text of each field.

    Args:
        given: The fields, each with its texts.
        where: What errors call the place they stand in.

    Returns:
        {field: text}.

    Raises:
        BadRequest: A field has two texts that differ: a service would see only one.
    """
    for field, texts in given.lists():
        if len(set(texts)) > 1:
            raise BadRequest(
                f"the {where} holds '{field}' with {' and '.join(map(repr, texts))}: expected one "
                "value; write several names as a,b"
            )
    return given.to_dict()


def form_data(incoming: Request) -> dict[str, Any]:
    """Return the text fields and files of a form.

    Args:
        incoming: The request.

    Returns:
        {field: text} and {field: {file name: BytesIO}}.

    Raises:
        BadRequest: A field has two texts, or two files the same name: a service would see only
            one.
    """
    data: dict[str, Any] = dict(single_values(incoming.form, "form"))
    for field, uploads in incoming.files.lists():
        files = OrderedDict((upload.filename, io.BytesIO(upload.read())) for upload in uploads)
        if len(files) != len(uploads):
            raise BadRequest(
                f"the form field '{field}' holds two files of the same name: give each its own name"
            )
        data[field] = files
    return data


def page(title: str) -> Response:
    """Return a page on which a person drops a picture and sees the boxes.

    It needs nothing from anywhere else.

    Args:
        title: What it says of the model.

    Returns:
        The response.
    """
    return Response(
        render_template_string(PAGE.read_text(encoding="utf-8"), title=title),
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": "default-src 'self' 'unsafe-inline' blob: data:"},
    )


def health(standing: Any) -> Response:
    """Return both documented spellings of a healthy answer, or 503 with the reason."""
    state = standing.health()
    if state == "ready":
        return Response(json.dumps({"status": "OK", "health": "true"}), mimetype=JSON_TYPE)
    return Response(
        json.dumps({"status": state, "health": "false"}, ensure_ascii=False),
        503,
        mimetype=JSON_TYPE,
    )


def http_error(error: HTTPException) -> PlainResponse:
    """Return the platform's error body, under the status and headers of an HTTP error."""
    response = error.get_response()
    response.data = error_body("MR.0101", error.description)
    response.content_type = JSON_TYPE
    return response


def error_body(code: str, reason: str | None = None, identifier: str | None = None) -> str:
    """Return the documented JSON body of an error.

    Args:
        code: The platform's code.
        reason: What the key "reason" says, None to leave it out.
        identifier: What the key "request_id" says, None to leave it out.

    Returns:
        The body as text.
    """
    body: dict[str, Any] = {
        "erno": code,
        "msg": ERROR_MESSAGES[code],
        "words_result": {},
        "reason": reason,
        "request_id": identifier,
    }
    return json.dumps(
        {name: value for name, value in body.items() if value is not None}, ensure_ascii=False
    )
