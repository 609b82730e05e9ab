"""Who may call: a signature as the official SDK makes it, or the token; never another site's page."""

import time

import pytest
from platform_process import new_platform

from algorithm.cli.parser import run_command
from algorithm.local_platform.api.signature import fault_of

KEYS = ("access", "secret")
PATH = "/v2/my project/数据"
QUERY = [("b", "2 x"), ("a", "1&~")]


def signed(body: bytes = b"{}", stamp: str = "", **headers: str) -> dict[str, str]:
    """The headers of a request signed by the SDK, by name in small letters."""
    pytest.importorskip("huaweicloudsdkcore")
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    given = {"Content-Type": "application/json", **headers}
    request = SdkRequest("POST", "http", "127.0.0.1", PATH, None, QUERY, given, body, None)
    if stamp:
        given["X-Sdk-Date"] = stamp
    return {
        name.lower(): each
        for name, each in Signer(BasicCredentials(*KEYS)).sign(request).header_params.items()
    }


@pytest.mark.parametrize("body", [b"{}", b"", "图片".encode()])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_what_the_sdk_signs_is_accepted(body, kind):
    headers = signed(body, **{"Content-Type": kind, "X-Project-Id": "local"})
    assert fault_of("POST", PATH, QUERY, headers, body, KEYS) == ""


OLD = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - 1000))
FAULTS = [
    ({"path": PATH + "x"}, "does not fit"),
    ({"query": [("a", "1")]}, "does not fit"),
    ({"body": b"{ }"}, "does not fit"),
    ({"method": "PUT"}, "does not fit"),
    ({"keys": ("access", "other")}, "does not fit"),
    ({"keys": ("other", "secret")}, "expected the access key 'other'"),
    ({"headers": {}}, "expected 'Authorization: SDK-HMAC-SHA256"),
]


@pytest.mark.parametrize(("change", "fault"), FAULTS)
def test_what_differs_from_what_was_signed_is_not(change, fault):
    request = {"method": "POST", "path": PATH, "query": QUERY, "headers": signed(), "body": b"{}", "keys": KEYS}  # fmt: skip
    assert fault in fault_of(**{**request, **change})


def test_an_old_signature_is_not_accepted():
    fault = fault_of("POST", PATH, QUERY, signed(stamp=OLD), b"{}", KEYS)
    assert "expected a time within 900 s" in fault
    assert "expected a time as" in fault_of(
        "POST", PATH, QUERY, signed() | {"x-sdk-date": "now"}, b"{}", KEYS
    )


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Auth-Token": ""}, "expected 'Authorization"),
        ({"X-Auth-Token": "guess"}, "expected 'Authorization"),
        ({"Origin": "http://example.org"}, "Origin: expected this platform's own page"),
        ({"Host": "example.org"}, "Host: expected this machine"),
    ],
)
def test_a_caller_is_refused(platform, headers, reason):
    status, answer = platform.call("GET", "/v2/local/algorithms", headers=headers)
    assert (status, answer["error_code"]) == (401, "APIGW.0301")
    assert reason in answer["error_msg"]


def test_keys_are_kept_for_the_owner_alone_and_can_be_turned_off(tmp_path):
    platform = new_platform(tmp_path)
    keys = platform.keys
    assert ((tmp_path / "work" / "keys.json").stat().st_mode & 0o777) == 0o600
    platform.end()
    platform.start()
    assert platform.token == keys["TOKEN"]
    platform.end()
    platform.flags = ("--no_signature",)
    platform.start()
    try:
        for headers, status in (({"X-Auth-Token": ""}, 200), ({"Origin": "http://x.org"}, 401)):
            assert platform.call("GET", "/v2/local/algorithms", headers=headers)[0] == status
    finally:
        platform.end()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--no_signature", "--host=0.0.0.0"], "whoever reaches the platform can run commands"),
        (["--slots=0"], "--slots: expected more than 0"),
        (["--host=203.0.113.1"], "cannot use"),
    ],
)
def test_a_platform_is_refused(tmp_path, capsys, flags, reason):
    assert run_command(["platform", f"--root={tmp_path}", "--port=0", *flags]) == 2
    assert reason in capsys.readouterr().err
