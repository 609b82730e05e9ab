"""The SDK of OBS on the server that is always there; test_strict_server.py has a strict one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage import obs_sdk, seaweed

pytestmark = obs_sdk.warnings_of_the_sdk


@pytest.fixture(params=["v2 http", "v4 https"])
def sdk(
    request: pytest.FixtureRequest, server: object, platform: pytest.MonkeyPatch
) -> Iterator[obs_sdk.Sdk]:
    """The SDK on a bucket of its own, and our package pointed at the same server."""
    signature, kind = request.param.split()
    platform.setenv("S3_ENDPOINT", getattr(server, kind))
    platform.setenv("AWS_CA_BUNDLE", str(server.certificate))
    client = obs_sdk.connect(
        getattr(server, kind), signature, seaweed.KEY, seaweed.SECRET, str(server.certificate)
    )
    yield obs_sdk.Sdk(client, server.bucket())
    client.close()


def test_what_the_sdk_writes_we_read(sdk: obs_sdk.Sdk, tmp_path: Path) -> None:
    obs_sdk.the_sdk_writes_and_we_read(sdk, tmp_path)


def test_what_we_write_the_sdk_reads(sdk: obs_sdk.Sdk, tmp_path: Path) -> None:
    obs_sdk.we_write_and_the_sdk_reads(sdk, tmp_path)


def test_signature_obs(
    plain: str, server: object, tmp_path: Path, platform: pytest.MonkeyPatch
) -> None:
    obs_sdk.exchange_in_signature_obs(
        server.http, seaweed.KEY, seaweed.SECRET, "", plain, tmp_path, platform
    )
