"""The HTTP face of a local platform: who may call, and the JSON of every call.

Every call but GET / is signed (SDK-HMAC-SHA256) or carries X-Auth-Token, where that is not turned
off. An error is {"error_code", "error_msg"}, in calls of /v1 also {"is_success": false,
"error_message"}. Sizes are bytes; times are ms since 1970 unless said otherwise. P is any project.

Calls that the platform has, as the official SDK reads them (answers.py):

    GET    /v2/P/algorithms                   {total, count, items: [algorithm]}
    POST   /v2/P/training-jobs                job, 201
    POST   /v2/P/training-job-searches        {total, count, items: [job]}; body {offset, limit}
    GET    /v2/P/training-jobs/ID             job: {kind, metadata {id, name, create_time,
                                              annotations}, status {phase, duration, start_time,
                                              tasks, task_statuses [{task, exit_code, message}],
                                              running_records}, algorithm, spec}
    POST   /v2/P/training-jobs/ID/actions     job, 202; body {"action_type": "terminate"}
    DELETE /v2/P/training-jobs/ID             {}, 202; only a job that has ended
    GET    .../ID/tasks/worker-0/logs/preview {content, current_size, full_size}
    GET    .../ID/metrics/worker-0            {metrics: [{metric: cpuUsage | memUsage, value: [%]}]}
    GET    .../ID/events                      {total, events: [{time, level, message, source}]}
    GET    /v2/P/services                     {total, size, data: [{id, name, status, ...}]}
    POST   /v2/P/services                     service, 201: {id, name, status, failure_reason,
                                              version {..., instance_groups}, predict_url
                                              [{type, urls}], create_at, update_at}
    GET    /v2/P/services/ID                  service; status DEPLOYING, RUNNING, CONCERNING,
                                              FAILED or STOPPED
    POST   /v2/P/services/ID/start, /stop     service, 202
    POST   /v2/P/services/delete              {service_responses}; body {service_ids: [ID]}
    GET    /v2/P/services/ID/events           {total, data: [{time, level, message, source}]}
    POST   /v1/infers/ID                      the model's reply; header X-Service-Group says whose

Calls of this platform alone, for its page:

    GET    .../training-jobs/ID/progress      {percent, epoch, epochs, step, steps, eta "h:mm:ss",
                                              curves {loss, cls_loss, ...: [[step, value]],
                                              AP, AP50: [[epoch, value]]}}
    GET    .../training-jobs/ID/outputs       {files: [{name "OUTPUT/PATH", size}]}
    GET    .../training-jobs/ID/outputs/NAME  the bytes of one of them
    GET    .../training-jobs/ID/pictures      {pictures: [{name "eval/picture_0", step}]} of the
                                              last evaluation, with truth and detections
    GET    .../training-jobs/ID/pictures/NAME the PNG of one of them
    GET    .../training-jobs/ID/assessment    the display of an assessment: {"zh-cn": {...},
                                              "en-us": {...}}, 404 where the job made none
    GET    /v2/P/services/ID/log              {content, current_size, full_size}
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from algorithm.errors import JobError
from algorithm.local_platform.api import job_calls, service_calls
from algorithm.local_platform.api.calls import Answer, Call, Platform
from algorithm.local_platform.api.request_checks import (
    BAD_REQUEST,
    NO_SUCH_CALL,
    NOT_SIGNED,
    Refusal,
)
from algorithm.local_platform.api.signature import fault_of

LOGGER = logging.getLogger(__name__)
BODY_LIMIT = 64 << 20
_PAGE = Path(__file__).with_name("console.html")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Keys:
    """Who may call.

    Attributes:
        access: The access key of a signature.
        secret: The secret key of it.
        token: What X-Auth-Token may say instead.
    """

    access: str
    secret: str
    token: str


def app_of(platform: Platform, keys: Keys | None, host: str = "127.0.0.1") -> Flask:
    """Return the application.

    Args:
        platform: The parts that answer.
        keys: Who may call; None for everybody.
        host: The address that is listened at.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.before_request(lambda: _check_caller(keys, host))
    for number, (method, path, act) in enumerate((*job_calls.ROUTES, *service_calls.ROUTES)):
        app.add_url_rule(
            path, f"call-{number}", _view(platform, act), methods=[method], strict_slashes=False
        )
    app.add_url_rule("/", "page", _page, methods=["GET"])
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(JobError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _view(platform: Platform, act: Callable[[Call], Answer]) -> Callable[..., Response]:
    def view(**place: str) -> Response:
        answer = act(
            Call(
                platform,
                request.method,
                place,
                request.args.to_dict(),
                _headers(),
                request.get_data(),
                request.host_url.rstrip("/"),
            )
        )
        raw = isinstance(answer.body, bytes)
        content = answer.body if raw else json.dumps(answer.body, ensure_ascii=False)
        return Response(
            content, answer.status, dict(answer.headers or {}), content_type=answer.content_type
        )

    return view


def _check_caller(keys: Keys | None, host: str) -> None:
    """Refuse who may not call; a browser's page of another origin never may.

    Raises:
        Refusal: The reason.
    """
    name = urlsplit(f"//{request.host}").hostname or ""
    origin = request.headers.get("Origin", "")
    if host in _LOOPBACK and name not in _LOOPBACK:
        raise Refusal(f"Host: expected this machine, found {name!r}", NOT_SIGNED, 401)
    if origin and origin.rstrip("/") != request.host_url.rstrip("/"):
        raise Refusal(f"Origin: expected this platform's own page, found {origin}", NOT_SIGNED, 401)
    if keys is None or (request.path == "/" and request.method == "GET"):
        return
    given = request.headers.get("X-Auth-Token", "")
    if given and hmac.compare_digest(given.encode(), keys.token.encode()):
        return
    fault = fault_of(
        request.method,
        request.path,
        list(request.args.items(multi=True)),
        _headers(),
        request.get_data(),
        (keys.access, keys.secret),
    )
    if fault:
        raise Refusal(fault, NOT_SIGNED, 401)


def _headers() -> dict[str, str]:
    return {name.lower(): each for name, each in request.headers.items()}


def _page() -> Response:
    return Response(
        _PAGE.read_text("utf-8"),
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": "default-src 'self' 'unsafe-inline' blob: data:"},
    )


def _refused(error: JobError) -> Response:
    code = error.code if isinstance(error, Refusal) else BAD_REQUEST
    LOGGER.info("%s %s: %s: %s", request.method, request.path, code, error)
    return _error(code, str(error), error.http_status)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code = NO_SUCH_CALL if status in (404, 405) else BAD_REQUEST
    reason = error.description or error.name
    if status in (404, 405):
        reason = f"the local platform has no call {request.method} {request.path}"
    return _error(code, reason, status)


def _error(code: str, reason: str, status: int) -> Response:
    body: dict[str, object] = {"error_code": code, "error_msg": reason}
    if request.path.startswith("/v1/"):
        body |= {"is_success": False, "error_message": reason}
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json")
