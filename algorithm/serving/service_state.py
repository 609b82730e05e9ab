"""The one service of a process, from its loading over its answers to its end."""

from __future__ import annotations

import io
import logging
import os
import threading
from typing import Any

from PIL import Image

from algorithm.errors import DataError, JobError
from algorithm.serving.batching import Batcher
from algorithm.serving.limits import LOADING_RETRY_SECONDS, START_WAIT_SECONDS
from algorithm.serving.model_handler import load_service
from algorithm.serving.prometheus_metrics import Metrics

LOGGER = logging.getLogger(__name__)


class NotReady(RuntimeError):
    """There is no service to ask, yet or any more.

    Attributes:
        reason: What the client may read.
    """

    http_status = 503
    retry_after = LOADING_RETRY_SECONDS

    def __init__(self, reason: str) -> None:
        """Keep what the client may read."""
        super().__init__(reason)
        self.reason = reason


class Standing:
    """A service that is being loaded, is ready, has failed, or is about to stop.

    Args:
        service: One that is ready; without it, `load` must follow.
        wait: Seconds that a request waits for a model that is being loaded.

    Attributes:
        failure: The DataError, None while there is none.
        stopping: Whether the service is about to stop.
    """

    def __init__(self, service: Any = None, *, wait: float = START_WAIT_SECONDS) -> None:
        """Begin with a service, or without one; then `load` must follow."""
        self.metrics = Metrics()
        self.failure: DataError | None = None
        self.stopping = False
        self._service, self._wait = service, wait
        self._decided, self._counting, self._in_flight = threading.Event(), threading.Lock(), 0
        if service is not None:
            self._decided.set()
        self.metrics.watch(
            "requests_in_flight", "Requests being answered", lambda: float(self._in_flight)
        )
        self.metrics.watch(
            "ready", "1 when the model is loaded and warm", lambda: float(self.health() == "ready")
        )

    def load(
        self, model_dir: str | os.PathLike[str], *, most: int, wait: float, at_once: int = 1
    ) -> None:
        """Load a model folder, warm it up, then let requests through.

        The model answers one picture and every size of batch first. What goes wrong is kept in
        `failure`, logged, and told to whoever asks.

        Args:
            model_dir: The model folder.
            most: Pictures in a batch.
            wait: Seconds that an incomplete batch waits at most.
            at_once: Batches that are run at the same time.
        """
        try:
            service = load_service(model_dir)
            _warm_up(service, most)
            if hasattr(service, "run_together") and most > 1:
                service.run_together = Batcher(
                    service.run_together,
                    most=most,
                    wait=wait,
                    at_once=at_once,
                    expected=lambda: self._in_flight,
                    observe=self.metrics.batches.observe,
                )
            self._service = service
        except JobError as error:
            self.failure = error if isinstance(error, DataError) else DataError(str(error))
        except Exception as error:  # the handler may be anybody's code
            self.failure = DataError(
                f"the model in {model_dir} cannot answer: {type(error).__name__}: {error}"
            )
        if self.failure:
            LOGGER.error("%s", self.failure)
        self._decided.set()

    def decided(self) -> bool:
        """Return whether loading is over, well or not."""
        return self._decided.is_set()

    def health(self) -> str:
        """Return "ready", "loading", "stopping" or the reason of the failure."""
        if self.failure:
            return str(self.failure)
        if not self._decided.is_set():
            return "loading"
        return "stopping" if self.stopping else "ready"

    def inference(self, data: Any) -> Any:
        """Return the service's reply, after waiting for a model that is being loaded.

        Args:
            data: The request's data, see container.request_data.

        Returns:
            The reply.

        Raises:
            NotReady: Loading takes long or has failed.
        """
        if not self._decided.wait(self._wait):
            raise NotReady(
                f"the model is still being loaded, ask again in {LOADING_RETRY_SECONDS} s"
            )
        if self.failure:
            raise NotReady(str(self.failure))
        with self._counting:
            self._in_flight += 1
        try:
            return self._service.inference(data)
        finally:
            with self._counting:
                self._in_flight -= 1


def _warm_up(service: Any, most: int) -> None:
    """Let the service answer before clients ask.

    So neither a damaged model nor slow first calls meet a client.
    """
    picture = io.BytesIO()
    Image.new("RGB", (64, 64)).save(picture, "PNG")
    picture.seek(0)
    if not hasattr(service, "run_together"):
        service.inference({"images": {"warm_up.png": picture}})
        return
    run, seen = service.run_together, []

    def noted(pictures: list[Any]) -> Any:
        seen.append(pictures)
        return run(pictures)

    service.run_together = noted
    service.inference({"images": {"warm_up.png": picture}})
    service.run_together = run
    for count in range(2, most + 1):
        run([*seen[0]] * count)
