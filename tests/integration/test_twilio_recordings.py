"""Recordings by Twilio's REST: its own client shows and deletes them, urllib fetches the sound."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.recording.wav_file import MonoWav
from sipua.twilio.recordings import store
from sipua.twilio.recordings.store import About
from support.calls.api import TOKENS
from support.calls.crowded_api import CrowdedApi
from support.calls.twilio_client import ACCOUNT, twilio_client
from support.media import audio
from support.ports import LOOPBACK

BEGAN = datetime(2026, 11, 30, 10, 20, 30, tzinfo=UTC)
SAID = audio.speech("caller")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def api(directory: Path) -> Iterator[CrowdedApi]:
    twilio = {
        "account_sid": ACCOUNT,
        "recordings": str(directory),
        "api_url": "https://edge.example:8090/",
    }
    crowd = CrowdedApi({"twilio": twilio})
    yield crowd
    crowd.close()


def made(directory: Path, pcm: audio.Pcm = SAID) -> str:
    about = About(store.new_sid(), "c-7", BEGAN, seconds=round(len(pcm) / 8000, 3))
    part = store.part_of(directory, about)
    wav = MonoWav(part)
    wav.write([pcm])
    wav.close()
    store.put_in_place(part, about)
    return about.sid


def client(api: CrowdedApi, right: str = "operator") -> Client:
    return twilio_client(api.url, TOKENS[right])


def asked(
    api: CrowdedApi,
    path: str,
    *,
    right: str = "operator",
    method: str = "GET",
    account: str = ACCOUNT,
) -> tuple[int, bytes, str]:
    """`right`: empty: without credentials."""
    credentials = base64.b64encode(f"{ACCOUNT}:{TOKENS.get(right)}".encode()).decode()
    url = f"{api.url}2010-04-01/Accounts/{account}/Recordings{path}"
    headers = {"Authorization": f"Basic {credentials}"} if right else {}
    try:
        with urlopen(Request(url, headers=headers, method=method), timeout=20) as reply:
            return reply.status, reply.read(), reply.headers["Content-Type"]
    except HTTPError as error:
        return error.code, error.read(), error.headers["Content-Type"]


@pytest.mark.parametrize("ending", ["", ".wav"])
def test_the_sound(api: CrowdedApi, directory: Path, tmp_path: Path, ending: str) -> None:
    sid = made(directory)
    before = len(api.edge.fetched)
    status, body, kind = asked(api, f"/{sid}{ending}")
    assert (status, kind) == (200, "audio/x-wav")
    (tmp_path / "a.wav").write_bytes(body)
    assert audio.is_in(SAID, audio.read_wav(tmp_path / "a.wav", rate_hz=8000))
    assert api.edge.fetched[before:] == [("c-7", f"{sid}.wav", "operator")]


def test_a_long_sound(api: CrowdedApi, directory: Path) -> None:
    long = audio.silence(60_000)
    status, body, _ = asked(api, f"/{made(directory, long)}")
    assert (status, len(body)) == (200, 44 + 2 * len(long))


def test_only_its_head(api: CrowdedApi, directory: Path) -> None:
    sid = made(directory)
    connection = http.client.HTTPConnection(LOOPBACK, api.port, timeout=10)
    credentials = base64.b64encode(f"{ACCOUNT}:{TOKENS['operator']}".encode()).decode()
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}.wav"
    for _ in range(2):  # by the same connection
        connection.request("HEAD", path, headers={"Authorization": f"Basic {credentials}"})
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (200, b"")
        assert reply.headers["Content-Length"] == str(44 + 2 * len(SAID))
    connection.close()


def test_what_it_is(api: CrowdedApi, directory: Path) -> None:
    sid = made(directory)
    shown = client(api, "readonly").recordings(sid).fetch()
    assert (shown.sid, shown.account_sid, shown.call_sid) == (sid, ACCOUNT, call_sid("c-7"))
    assert (shown.status, shown.channels, shown.source) == ("completed", 1, "RecordVerb")
    assert shown.duration == str(round(len(SAID) / 8000))
    assert shown.start_time == shown.date_created == BEGAN
    assert shown.media_url == (
        f"https://edge.example:8090/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}"
    )


def test_it_is_deleted_once(api: CrowdedApi, directory: Path) -> None:
    sid = made(directory)
    assert client(api).recordings(sid).delete()
    with pytest.raises(TwilioRestException) as caught:
        client(api).recordings(sid).delete()
    assert (caught.value.status, caught.value.code) == (404, 20_404)
    assert asked(api, f"/{sid}.wav")[0] == 404
    assert store.find(directory, sid) is None
    other = made(directory)
    assert asked(api, f"/{other}", method="DELETE")[0] == 204


@pytest.mark.parametrize(
    ("right", "method", "ending", "status"),
    [
        ("readonly", "GET", ".wav", 403),
        ("readonly", "DELETE", ".json", 403),
        ("", "GET", ".wav", 401),
        ("", "GET", ".json", 401),
        ("", "DELETE", ".json", 401),
        ("admin", "GET", ".mp3", 404),
        ("admin", "GET", ".wav.part", 404),
        ("admin", "POST", ".json", 405),
    ],
)
def test_who_may_what(  # noqa: PLR0917
    api: CrowdedApi, directory: Path, right: str, method: str, ending: str, status: int
) -> None:
    sid = made(directory)
    got, body, kind = asked(api, f"/{sid}{ending}", right=right, method=method)
    assert (got, kind) == (status, "application/json")
    assert b"code" in body
    assert store.find(directory, sid) is not None


@pytest.mark.parametrize(
    "sid",
    [
        "RE" + "0" * 32,
        "..",
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/2026-11-30/x",
        "x",
        "RE%00" + "0" * 31,
        "*",
        "RE" + "0" * 31 + "%0a",
    ],
)
def test_a_name_that_is_none(api: CrowdedApi, directory: Path, sid: str) -> None:
    (directory / "2026-11-30" / "x.wav").parent.mkdir(exist_ok=True)
    (directory / "2026-11-30" / "x.wav").write_bytes(b"secret")
    for ending in ("", ".wav", ".json"):
        status, body, _ = asked(api, f"/{sid}{ending}", right="admin")
        assert (status, b"secret" in body) == (404, False)


def test_another_account(api: CrowdedApi, directory: Path) -> None:
    assert asked(api, f"/{made(directory)}.wav", account="AC" + "f" * 32)[0] == 404


def test_one_that_is_being_written_is_not_there(api: CrowdedApi, directory: Path) -> None:
    about = About(store.new_sid(), "c-8", BEGAN)
    wav = MonoWav(store.part_of(directory, about))
    wav.write([SAID])
    assert asked(api, f"/{about.sid}.wav")[0] == 404
    wav.close()


def test_without_a_directory_there_are_none() -> None:
    crowd = CrowdedApi({"twilio": {"account_sid": ACCOUNT}})
    try:
        assert asked(crowd, f"/{store.new_sid()}.wav", right="admin")[0] == 404
    finally:
        crowd.close()
