"""The HTTP face of the platform's inference container, in front of one service object."""

from __future__ import annotations

import io
import json
import logging
import os
from collections import OrderedDict
from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.exceptions import BadRequest, HTTPException

from algorithm.serving.handler import load_service

LOGGER = logging.getLogger(__name__)
BODY_LIMIT = 12 * 1024 * 1024  # what the platform's gateway lets through
FORM_PARTS_LIMIT = 10
JSON_TYPE = "application/json"
ERROR_MESSAGES = {"MR.0101": "The input parameter is invalid", "MR.0105": "Recognition failed"}


def create_app(model_dir: str | os.PathLike[str]) -> Flask:
    """Flask application that answers for the model folder. Raises DataError as load_service does."""
    return app_around(load_service(model_dir))


def app_around(service: Any) -> Flask:
    """Flask application around a service object with `inference(data)`: POST / and GET /health."""
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT, MAX_FORM_PARTS=FORM_PARTS_LIMIT)
    app.add_url_rule("/", view_func=lambda: answer(service, request), methods=["POST"], endpoint="inference")
    app.add_url_rule("/health", view_func=health, methods=["GET"])
    app.register_error_handler(HTTPException, http_error)
    return app


def answer(service: Any, incoming: Request) -> Response:
    """Reply of the service, or the documented error: 400 for a KeyError or TypeError in it, 500 for the rest."""
    data = request_data(incoming)
    try:
        return Response(json.dumps(service.inference(data), ensure_ascii=False, allow_nan=False), mimetype=JSON_TYPE)
    except Exception as error:
        reason = getattr(error, "reason", None)  # only errors made for the client carry one
        status = 400 if isinstance(error, (KeyError, TypeError)) else 500
        LOGGER.error("request answered with %d: %r", status, error, exc_info=reason is None)
        shown = reason if status == 400 and isinstance(reason, str) else None
        return Response(error_body("MR.0105", shown), status, mimetype=JSON_TYPE)


def request_data(incoming: Request) -> Any:
    """What a service is given: the JSON body, or {field: text} and {field: {file name: BytesIO}}, with the URL's query.

    Raises BadRequest when the request has neither JSON, form nor files.
    """
    data = incoming.get_json(silent=True)
    if not data:
        data = form_data(incoming)
    if not data:
        raise BadRequest("expected a multipart form with a picture in the field 'images', found neither form nor JSON")
    if isinstance(data, dict):
        data.update(incoming.args.items())
    return data


def form_data(incoming: Request) -> dict[str, Any]:
    """Text fields and files of a form. Raises BadRequest for two files of one name: a service would see only one."""
    data: dict[str, Any] = dict(incoming.form.items())
    for field, uploads in incoming.files.lists():
        files = OrderedDict((upload.filename, io.BytesIO(upload.read())) for upload in uploads)
        if len(files) != len(uploads):
            raise BadRequest(f"the form field '{field}' holds two files of the same name: send one picture per request")
        data[field] = files
    return data


def health() -> Response:
    """Both documented spellings of a healthy answer."""
    return Response(json.dumps({"status": "OK", "health": "true"}), mimetype=JSON_TYPE)


def http_error(error: HTTPException) -> Response:
    """The platform's error body, under the status and headers of an HTTP error."""
    response = error.get_response()
    response.data = error_body("MR.0101", error.description)
    response.content_type = JSON_TYPE
    return response


def error_body(code: str, reason: str | None = None) -> str:
    """The documented JSON body of error `code`, with the key "reason" where there is one to tell."""
    body = {"erno": code, "msg": ERROR_MESSAGES[code], "words_result": {}}
    return json.dumps(body if reason is None else {**body, "reason": reason}, ensure_ascii=False)
