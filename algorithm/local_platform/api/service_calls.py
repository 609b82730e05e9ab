"""The calls for services, of both generations, and for prediction."""

from __future__ import annotations

from typing import Any

from algorithm.errors import ArgumentError
from algorithm.local_platform.api.answers import event_rows, service_answer, service_row
from algorithm.local_platform.api.calls import Answer, Call, Route
from algorithm.local_platform.api.first_generation import (
    listed,
    model_answer_v1,
    service_answer_v1,
    service_of,
)
from algorithm.local_platform.api.request_checks import (
    NOT_FOUND,
    Refusal,
    check_model,
    check_name,
    check_service,
    need,
)
from algorithm.local_platform.job_plan import obs_address
from algorithm.local_platform.ledger import Record
from algorithm.local_platform.services import STOPPED, WANTED


def _shown(call: Call, record: Record) -> dict[str, Any]:
    return service_answer(record, call.platform.services.state(record), call.host)


def _deploy(call: Call, request: Any, **facts: Any) -> Record:
    check_service(request)
    platform = call.platform
    record = platform.ledger.add("service", call.project, STOPPED, request=request, **facts)
    return platform.services.start(record) or record


def _create(call: Call) -> Answer:
    return Answer(_shown(call, _deploy(call, call.body())), 201)


def _list(call: Call) -> Answer:
    records = call.platform.ledger.all("service", project=call.project)
    state = call.platform.services.state
    rows = [service_row(each, state(each)[0]) for each in call.page(records, call.query)]
    return Answer({"total": len(records), "size": len(rows), "data": rows})


def _show(call: Call) -> Answer:
    return Answer(_shown(call, call.found("service")))


def _start(call: Call) -> Answer:
    service = call.found("service")
    return Answer(_shown(call, call.platform.services.start(service) or service), 202)


def _stop(call: Call) -> Answer:
    service = call.found("service")
    return Answer(_shown(call, call.platform.services.stop(service) or service), 202)


def _update(call: Call) -> Answer:
    """Deploy another version: what the request names replaces what there was."""
    service, body = call.found("service"), call.body()
    allowed = ("description", "group_configs", "runtime_config")
    request = {**service.facts["request"], **{key: body[key] for key in allowed if key in body}}
    check_service(request)
    services, ledger = call.platform.services, call.platform.ledger
    wanted = service.phase == WANTED
    services.stop(service)
    version = service.facts.get("version", 1) + 1
    changed = ledger.change(service.id, request=request, version=version) or service
    return Answer(_shown(call, (services.start(changed) if wanted else None) or changed), 202)


def _delete(call: Call) -> Answer:
    answers = []
    for identifier in need(call.body(), "service_ids", list):
        record = call.platform.ledger.get("service", str(identifier), call.project)
        if record is None:
            raise Refusal(f"expected a service, found none: {identifier}", NOT_FOUND, 404)
        answers.append({**_shown(call, record), "status": "DELETING"})
        call.platform.services.remove(record)
    return Answer({"service_responses": answers})


def _log(call: Call) -> Answer:
    content = call.platform.services.log(call.found("service"))
    size = len(content.encode())
    return Answer({"content": content, "current_size": size, "full_size": size})


def _events(call: Call) -> Answer:
    rows = event_rows(call.found("service"))
    return Answer({"total": len(rows), "size": len(rows), "data": rows})


def _predict(call: Call) -> Answer:
    path = f"/{call.place.get('path', '')}"
    if call.query:
        from urllib.parse import urlencode

        path += f"?{urlencode(call.query)}"
    reply = call.platform.services.predict(
        call.found("service"), call.method, path, call.headers, call.content
    )
    return Answer(reply.body, reply.status, reply.content_type, {"X-Service-Group": reply.group})


def _import_model(call: Call) -> Answer:
    body = call.body()
    check_name(need(body, "model_name"), "model_name")
    try:
        url = obs_address(need(body, "source_location"))
    except ArgumentError as error:
        raise Refusal(f"source_location: {error}") from error
    check_model(url, "source_location")
    record = call.platform.ledger.add(
        "model", call.project, "published", request={**body, "source_location": url}
    )
    return Answer({"model_id": record.id})


def _list_models(call: Call) -> Answer:
    records = call.platform.ledger.all("model", project=call.project)
    return Answer(listed("models", [model_answer_v1(each) for each in records]))


def _delete_model(call: Call) -> Answer:
    call.platform.ledger.remove(call.found("model").id)
    return Answer({"is_success": True})


def _create_v1(call: Call) -> Answer:
    body = call.body()
    models = {each.id: each for each in call.platform.ledger.all("model", project=call.project)}
    record = _deploy(call, service_of(body, models), config=body["config"])
    return Answer({"service_id": record.id, "resource_ids": []})


def _shown_v1(call: Call, record: Record) -> dict[str, Any]:
    return service_answer_v1(record, call.platform.services.state(record), call.host)


def _list_v1(call: Call) -> Answer:
    records = call.platform.ledger.all("service", project=call.project)
    return Answer(listed("services", [_shown_v1(call, each) for each in records]))


def _set_v1(call: Call) -> Answer:
    service, status = call.found("service"), need(call.body(), "status")
    acts = {"running": call.platform.services.start, "stopped": call.platform.services.stop}
    if status not in acts:
        raise Refusal(f"status: expected running or stopped, found {status!r}")
    acts[status](service)
    return Answer({})


def _delete_v1(call: Call) -> Answer:
    call.platform.services.remove(call.found("service"))
    return Answer({})


_V1, _V2 = "/v1/<project>/services", "/v2/<project>/services"
ROUTES: tuple[Route, ...] = (
    ("POST", _V2, _create),
    ("GET", _V2, _list),
    ("GET", f"{_V2}/<id>", _show),
    ("PUT", f"{_V2}/<id>", _update),
    ("POST", f"{_V2}/<id>/start", _start),
    ("POST", f"{_V2}/<id>/stop", _stop),
    ("POST", f"{_V2}/delete", _delete),
    ("GET", f"{_V2}/<id>/log", _log),
    ("GET", f"{_V2}/<id>/events", _events),
    *(
        (method, f"/v1/infers/<id>{path}", _predict)
        for method in ("GET", "POST")
        for path in ("", "/", "/<path:path>")
    ),
    ("POST", "/v1/<project>/models", _import_model),
    ("GET", "/v1/<project>/models", _list_models),
    ("GET", "/v1/<project>/models/<id>", lambda call: Answer(model_answer_v1(call.found("model")))),
    ("DELETE", "/v1/<project>/models/<id>", _delete_model),
    ("POST", _V1, _create_v1),
    ("GET", _V1, _list_v1),
    ("GET", f"{_V1}/<id>", lambda call: Answer(_shown_v1(call, call.found("service")))),
    ("PUT", f"{_V1}/<id>", _set_v1),
    ("DELETE", f"{_V1}/<id>", _delete_v1),
)
