"""A local platform for the tests of one file, one that a test may kill, and the official SDK."""

import pytest
from platform_process import new_platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A platform with two slots, for the tests of one file."""
    platform = new_platform(tmp_path_factory.mktemp("platform"), "--slots=2")
    yield platform
    platform.end()


@pytest.fixture
def own_platform(tmp_path):
    """A platform with one slot, which a test may kill."""
    platform = new_platform(tmp_path)
    yield platform
    if platform.process.poll() is None:
        platform.end()


@pytest.fixture(scope="module")
def sdk():
    """The typed requests of the official SDK."""
    return pytest.importorskip("huaweicloudsdkmodelarts.v1")


@pytest.fixture(scope="module")
def client(platform, sdk):
    """The official SDK's client of the platform."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials

    keys = platform.keys
    credentials = BasicCredentials(keys["ACCESS_KEY"], keys["SECRET_KEY"], "local")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        builder = sdk.ModelArtsClient.new_builder().with_endpoint(keys["ENDPOINT"])
        yield builder.with_credentials(credentials).build()
