"""The calls for algorithms and training jobs."""

from __future__ import annotations

import mimetypes
import os
import time
from typing import Any

from algorithm.local_platform.api.answers import (
    algorithm_answer,
    event_rows,
    job_answer,
)
from algorithm.local_platform.api.calls import Answer, Call, Route
from algorithm.local_platform.api.first_generation import job_answer_v1, job_of
from algorithm.local_platform.api.request_checks import (
    NOT_FOUND,
    Refusal,
    check_algorithm,
    check_job,
    need,
)
from algorithm.local_platform.event_pictures import Picture, last_pictures
from algorithm.local_platform.job_figures import (
    assessment_of,
    output_file,
    output_files,
    output_folders,
    progress_of,
)
from algorithm.local_platform.ledger import Record
from algorithm.local_platform.usage import usage_of
from algorithm.local_platform.worker import tail

_PREVIEW = 5 << 20  # bytes of a log, its end
_GIBIBYTE = 1 << 30


def _create_algorithm(call: Call) -> Answer:
    body = call.body()
    check_algorithm(body)
    record = call.platform.ledger.add("algorithm", call.project, "created", request=body)
    return Answer(algorithm_answer(record), 201)


def _change_algorithm(call: Call) -> Answer:
    record, body = call.found("algorithm"), call.body()
    check_algorithm(body)
    changed = call.platform.ledger.change(
        record.id,
        event="changed",
        request=body,
        version=record.facts.get("version", 0) + 1,
        updated=time.time(),
    )
    return Answer(algorithm_answer(changed or record))


def _show_algorithm(call: Call) -> Answer:
    return Answer(algorithm_answer(call.found("algorithm")))


def _list_algorithms(call: Call) -> Answer:
    records = call.platform.ledger.all("algorithm", project=call.project)
    shown = call.page(records, call.query)
    items = [algorithm_answer(each) for each in shown]
    return Answer({"total": len(records), "count": len(items), "items": items})


def _delete_algorithm(call: Call) -> Answer:
    call.platform.ledger.remove(call.found("algorithm").id)
    return Answer({}, 202)


def _create_job(call: Call) -> Answer:
    body = call.body()
    told = need(body, "algorithm", dict)
    algorithm = _algorithm_of(call, told.get("id"))
    config = (algorithm or {}).get("job_config", {})
    defaults = {key: config[key] for key in ("command", "engine", "code_dir") if config.get(key)}
    request = {**body, "algorithm": {**defaults, **told}}
    check_job(request, algorithm)
    return Answer(job_answer(_submit(call, request, 2)), 201)


def _algorithm_of(call: Call, identifier: Any) -> Any:
    if not identifier:
        return None
    record = call.platform.ledger.get("algorithm", str(identifier), call.project)
    if record is None:
        reason = f"algorithm.id: expected an algorithm of this project, found none: {identifier}"
        raise Refusal(reason, NOT_FOUND, 404)
    return record.facts["request"]


def _submit(call: Call, request: Any, generation: int) -> Record:
    ledger = call.platform.ledger
    return ledger.add("job", call.project, "Pending", request=request, generation=generation)


def _search_jobs(call: Call) -> Answer:
    asked = call.body() if call.method == "POST" else call.query
    records = call.platform.ledger.all("job", project=call.project)
    items = [job_answer(each) for each in call.page(records, asked)]
    return Answer({"total": len(records), "count": len(items), "items": items})


def _show_job(call: Call) -> Answer:
    return Answer(job_answer(call.found("job")))


def _act_on_job(call: Call) -> Answer:
    action = need(call.body(), "action_type")
    if action != "terminate":
        raise Refusal(f"action_type: expected 'terminate', found {action!r}")
    return Answer(job_answer(_terminated(call)), 202)


def _terminated(call: Call) -> Record:
    job = call.found("job")
    changed = call.platform.scheduler.terminate(job)
    now = changed or call.found("job")
    if changed is None and now.phase != "Terminating":
        raise Refusal(f"expected a job that waits or runs, found it {now.phase}")
    return now


def _delete_job(call: Call) -> Answer:
    job = call.found("job")
    if not call.platform.scheduler.remove(job):
        raise Refusal(f"expected a job that has ended, found it {job.phase}; terminate it first")
    return Answer({}, 202)


def _job_log(call: Call) -> Answer:
    job, task = call.found("job"), call.place["task"]
    count = job.facts["request"]["spec"]["resource"]["node_count"]
    if task not in [f"worker-{index}" for index in range(count)]:
        reason = f"task: expected worker-0 to worker-{count - 1}, found {task!r}"
        raise Refusal(reason, NOT_FOUND, 404)
    log = call.platform.folder(job) / "log" / f"{task}.log"
    content = tail(log, _PREVIEW)
    size = log.stat().st_size if log.exists() else 0
    return Answer({"content": content, "current_size": min(size, _PREVIEW), "full_size": size})


def _job_metrics(call: Call) -> Answer:
    measured = usage_of(call.platform.folder(call.found("job")))
    return Answer({"metrics": [{"metric": name, "value": each} for name, each in measured.items()]})


def _job_events(call: Call) -> Answer:
    rows = event_rows(call.found("job"))
    return Answer({"total": len(rows), "limit": len(rows), "offset": 0, "events": rows})


def _job_progress(call: Call) -> Answer:
    log = call.platform.folder(call.found("job")) / "log" / "worker-0.log"
    return Answer(progress_of(tail(log, _PREVIEW)))


def _job_outputs(call: Call) -> Answer:
    job = call.found("job")
    return Answer({"files": output_files(job, call.platform.folder(job))})


def _job_output(call: Call) -> Answer:
    job, name = call.found("job"), call.place["name"]
    path = output_file(job, call.platform.folder(job), name)
    if path is None:
        raise Refusal(f"expected a file of the job's outputs, found none: {name}", NOT_FOUND, 404)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Answer(path.read_bytes(), content_type=kind)


def _pictures_of(call: Call) -> list[Picture]:
    job = call.found("job")
    folders = output_folders(job, call.platform.folder(job)).values()
    return [each for folder in folders for each in last_pictures(folder)]


def _job_pictures(call: Call) -> Answer:
    rows = [{"name": each.name, "step": each.step} for each in _pictures_of(call)]
    return Answer({"pictures": rows})


def _job_picture(call: Call) -> Answer:
    for each in _pictures_of(call):
        if each.name == call.place["name"]:
            return Answer(each.content, content_type="image/png")
    raise Refusal(f"expected a picture, found none: {call.place['name']}", NOT_FOUND, 404)


def _job_assessment(call: Call) -> Answer:
    job = call.found("job")
    display = assessment_of(job, call.platform.folder(job))
    if display is None:
        reason = "expected a job that made an assessment, found no display.json in its outputs"
        raise Refusal(reason, NOT_FOUND, 404)
    return Answer(display)


def _engines(call: Call) -> Answer:
    return Answer({"total": 0, "items": []})  # a job brings its image and command


def _flavors(call: Call) -> Answer:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _GIBIBYTE
    flavor = {
        "flavor_id": "local",
        "flavor_name": "this machine",
        "flavor_type": "CPU",
        "max_num": 64,
        "flavor_info": {
            "max_num": 64,
            "cpu": {"arch": os.uname().machine, "core_num": os.cpu_count()},
            "memory": {"size": memory, "unit": "GB"},
        },
    }
    return Answer({"total_count": 1, "flavors": [flavor]})


def _create_job_v1(call: Call) -> Answer:
    request = job_of(call.body())
    check_job(request, None)
    return Answer(job_answer_v1(_submit(call, request, 1)))


def _show_job_v1(call: Call) -> Answer:
    return Answer(job_answer_v1(call.found("job")))


def _stop_job_v1(call: Call) -> Answer:
    _terminated(call)
    return Answer({"is_success": True})


def _delete_job_v1(call: Call) -> Answer:
    _delete_job(call)
    return Answer({"is_success": True})


_V1, _V2 = "/v1/<project>/training-jobs", "/v2/<project>/training-jobs"
ROUTES: tuple[Route, ...] = (
    ("POST", "/v2/<project>/algorithms", _create_algorithm),
    ("GET", "/v2/<project>/algorithms", _list_algorithms),
    ("GET", "/v2/<project>/algorithms/<id>", _show_algorithm),
    ("PUT", "/v2/<project>/algorithms/<id>", _change_algorithm),
    ("DELETE", "/v2/<project>/algorithms/<id>", _delete_algorithm),
    ("POST", _V2, _create_job),
    ("POST", "/v2/<project>/training-job-searches", _search_jobs),
    ("GET", f"{_V2}/<id>", _show_job),
    ("DELETE", f"{_V2}/<id>", _delete_job),
    ("POST", f"{_V2}/<id>/actions", _act_on_job),
    ("GET", f"{_V2}/<id>/tasks/<task>/logs/preview", _job_log),
    ("GET", f"{_V2}/<id>/metrics/<task>", _job_metrics),
    ("GET", f"{_V2}/<id>/events", _job_events),
    ("GET", f"{_V2}/<id>/progress", _job_progress),
    ("GET", f"{_V2}/<id>/outputs", _job_outputs),
    ("GET", f"{_V2}/<id>/outputs/<path:name>", _job_output),
    ("GET", f"{_V2}/<id>/pictures", _job_pictures),
    ("GET", f"{_V2}/<id>/pictures/<path:name>", _job_picture),
    ("GET", f"{_V2}/<id>/assessment", _job_assessment),
    ("GET", "/v2/<project>/training-job-engines", _engines),
    ("GET", "/v2/<project>/training-job-flavors", _flavors),
    ("POST", _V1, _create_job_v1),
    ("GET", f"{_V1}/<id>/versions/<version>", _show_job_v1),
    ("POST", f"{_V1}/<id>/versions/<version>/stop", _stop_job_v1),
    ("DELETE", f"{_V1}/<id>", _delete_job_v1),
)
