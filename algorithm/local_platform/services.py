"""The services that run: their instances, their state, and which of them answers a request."""

from __future__ import annotations

import http.client
import random
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from algorithm.local_platform.api.request_checks import LIMIT, NOT_SERVING, Refusal, model_address
from algorithm.local_platform.ledger import Ledger, Record
from algorithm.local_platform.service_instance import Instance, probe_of
from algorithm.local_platform.settings import Settings, kill_leftovers

WANTED, STOPPED = "RUNNING", "STOPPED"  # the phases in the ledger: what is wanted
_MEBIBYTE = 1 << 20
_CARRIED = ("content-type", "accept", "x-request-id")


@dataclass(frozen=True)
class Reply:
    """What an instance answered, and the group that it is of."""

    status: int
    content_type: str
    body: bytes
    group: str


class Services:
    """The services of a platform.

    Args:
        settings: The platform's.
        ledger: Where the services stand.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings, self._ledger = settings, ledger
        self._running: dict[str, dict[str, list[Instance]]] = {}
        self._changing = threading.RLock()
        self._closed = False

    def resume(self) -> None:
        """Deploy what ran when the platform ended."""
        for service in self._ledger.all("service"):
            kill_leftovers(service.id)
            if service.phase == WANTED:
                self.start(service)

    def close(self) -> None:
        """End all processes; what runs is deployed again by resume()."""
        with self._changing:
            running, self._running, self._closed = self._running, {}, True
        for groups in running.values():
            _stop(groups)

    def start(self, service: Record) -> Record | None:
        """Deploy a service."""
        with self._changing:
            if service.id not in self._running and not self._closed:
                folder = self._settings.folder("service", service.id)
                self._running[service.id] = {
                    group["name"]: [
                        Instance(
                            service.id,
                            model_address(group),
                            folder / f"{group['name']}-{number}",
                            probe_of(group["unit_configs"][0]),
                        )
                        for number in range(group.get("count") or 1)
                    ]
                    for group in service.facts["request"]["group_configs"]
                }
        return self._ledger.change(service.id, WANTED, event="deploying")

    def stop(self, service: Record) -> Record | None:
        """End the instances of a service."""
        with self._changing:
            groups = self._running.pop(service.id, {})
        _stop(groups)
        return self._ledger.change(service.id, STOPPED, event="stopped")

    def remove(self, service: Record) -> None:
        """End a service and remove it with its folder."""
        self.stop(service)
        shutil.rmtree(self._settings.folder("service", service.id), ignore_errors=True)
        self._ledger.remove(service.id)

    def state(self, service: Record) -> tuple[str, str]:
        """Return a service's status, as the platform calls it, and why it failed."""
        groups = self._running.get(service.id)
        if service.phase == STOPPED:
            return STOPPED, ""
        if groups is None:  # the platform has just started
            return "DEPLOYING", ""
        instances = [each for group in groups.values() for each in group]
        failures = [each.failure for each in instances if each.failure]
        ready = [each for each in instances if each.port]
        if len(ready) == len(instances):
            return "RUNNING", ""
        if failures and not ready:
            return "FAILED", failures[0]
        restarted = failures or any(each.restarts for each in instances)
        return ("CONCERNING" if ready or restarted else "DEPLOYING"), (failures or [""])[0]

    def instances(self, service: Record) -> dict[str, list[Instance]]:
        """Return the instances of a service by group, none where it is stopped."""
        return self._running.get(service.id, {})

    def log(self, service: Record) -> str:
        """Return the logs of all groups."""
        folder = self._settings.folder("service", service.id)
        logs = sorted(folder.glob("*/service.log"))
        return "".join(
            f"== {log.parent.name} ==\n{log.read_text('utf-8', 'replace')}" for log in logs
        )

    def predict(
        self, service: Record, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Have an instance answer; the group is drawn by the weights of those that are ready.

        Args:
            service: The service.
            method: The HTTP method.
            path: The path within the service, with its query.
            headers: The request's headers, by name in small letters.
            body: Its body.

        Returns:
            The instance's answer, whatever its status.

        Raises:
            Refusal: A limit of the service is passed, or no instance answers.
        """
        runtime = service.facts["request"]["runtime_config"]["service_limit"]
        size, seconds = runtime["request_size_limit"], runtime["request_timeout"]
        if len(body) > size * _MEBIBYTE:
            raise Refusal(
                f"request_size_limit: expected at most {size} MB, found {len(body)} bytes",
                LIMIT,
                413,
            )
        group, instance = self._drawn(service)
        connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=seconds)
        try:
            carried = {name: headers[name] for name in _CARRIED if name in headers}
            connection.request(method, path, body, carried)
            answer = connection.getresponse()
            content = answer.getheader("Content-Type", "application/octet-stream")
            return Reply(answer.status, content, answer.read(), group)
        except TimeoutError as error:
            reason = f"request_timeout: no answer within {seconds} s"
            raise Refusal(reason, LIMIT, 504) from error
        except (OSError, http.client.HTTPException) as error:
            reason = f"the instance did not answer: {error}; it is restarted where it crashed"
            raise Refusal(reason, NOT_SERVING, 502) from error
        finally:
            connection.close()

    def _drawn(self, service: Record) -> tuple[str, Instance]:
        weights = {
            group["name"]: group["weight"] for group in service.facts["request"]["group_configs"]
        }
        ready = {
            name: [each for each in instances if each.port]
            for name, instances in self.instances(service).items()
        }
        names = [name for name, instances in ready.items() if instances and weights[name]]
        if not names:
            status, why = self.state(service)
            reason = f"expected a running service, found it {status}{f': {why}' if why else ''}"
            raise Refusal(reason, NOT_SERVING, 503)
        name = random.choices(names, [weights[each] for each in names])[0]
        return name, random.choice(ready[name])


def _stop(groups: Mapping[str, list[Instance]]) -> None:
    for instances in groups.values():
        for each in instances:
            each.stop()
