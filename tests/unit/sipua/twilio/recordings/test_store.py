"""The files of a directory: found by their names alone, deleted by their days."""

from __future__ import annotations

import os
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sipua.recording.wav_file import MonoWav
from sipua.twilio.recordings import store
from sipua.twilio.recordings.store import PART, About
from support.media import audio

TODAY = date(2026, 11, 30)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def begun(directory: Path, day: int = 30, **more: str) -> tuple[Path, About, MonoWav]:
    began = datetime(2026, 11, day, 10, tzinfo=UTC)
    about = About(store.new_sid(), "c-1", began, seconds=1.0, **more)  # type: ignore[arg-type]
    part = store.part_of(directory, about)
    return part, about, MonoWav(part)


def made(directory: Path, day: int = 30) -> About:
    part, about, wav = begun(directory, day)
    wav.write([audio.silence(1000)])
    wav.close()
    store.put_in_place(part, about)
    return about


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def tidy(directory: Path, days: int, now: float = NOW.timestamp()) -> int:
    return store.tidy(directory, today=TODAY, keep_days=days, now=now)


def test_one_is_found_when_it_is_complete(tmp_path: Path) -> None:
    part, about, wav = begun(tmp_path, from_="sip:a@b")
    wav.write([audio.silence(500), audio.silence(500)])
    assert store.find(tmp_path, about.sid) is None
    wav.close()
    store.put_in_place(part, about)
    found = store.find(tmp_path, about.sid)
    assert found is not None
    assert found.about == about
    assert audio.read_wav(found.path, rate_hz=8000).size == 8000
    assert [one.about.sid for one in store.every(tmp_path)] == [about.sid]
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.path.with_suffix(".json").stat().st_mode) == 0o600
    store.delete(found)
    store.delete(found)
    assert store.find(tmp_path, about.sid) is None
    assert names(tmp_path) == ["2026-11-30"]


@pytest.mark.parametrize(
    "sid",
    [
        "",
        "..",
        "RE",
        "RE" + "0" * 31,
        "RE" + "0" * 33,
        "RE" + "A" * 32,
        "RE" + "0" * 32 + "\n",
        "re" + "0" * 32,
        "../2026-11-30/RE" + "0" * 32,
        "RE" + "0" * 30 + "/.",
        "RE" + "٠" * 32,
        "RE" + "0" * 31 + "\0",
    ],
)
def test_a_name_that_is_none_opens_nothing(tmp_path: Path, sid: str) -> None:
    made(tmp_path)
    secret = tmp_path / "2026-11-30" / (sid.replace("/", "").replace("\0", "")[:80] + ".wav")
    secret.write_bytes(b"a")
    assert store.find(tmp_path, sid) is None


def test_without_its_description_it_is_being_deleted(tmp_path: Path) -> None:
    about = made(tmp_path)
    json = tmp_path / "2026-11-30" / f"{about.sid}.json"
    json.write_bytes(b"{")
    assert store.find(tmp_path, about.sid) is None
    json.unlink()
    assert store.find(tmp_path, about.sid) is None
    assert store.find(tmp_path / "none", about.sid) is None


def test_the_old_ones_are_deleted(tmp_path: Path) -> None:
    old, young = made(tmp_path, 20), made(tmp_path, 29)
    other = tmp_path / "2026-11-20" / "c-1.wav"
    other.write_bytes(b"of another part")
    assert tidy(tmp_path, 0) == 0
    assert tidy(tmp_path, 5) == 2
    assert store.find(tmp_path, old.sid) is None
    assert store.find(tmp_path, young.sid) is not None
    assert other.exists()
    other.unlink()
    assert tidy(tmp_path, 5) == 0
    assert "2026-11-20" not in names(tmp_path)
    assert tidy(tmp_path / "none", 5) == 0


def test_what_a_killed_process_has_left_goes(tmp_path: Path) -> None:
    part, _, wav = begun(tmp_path)
    foreign = part.with_name("notes" + PART)
    foreign.write_bytes(b"")
    for path in (part, foreign):
        os.utime(path, (NOW.timestamp() - 3600,) * 2)
    assert tidy(tmp_path, 5) == 0, "its writer lives"
    wav._file.close()
    assert tidy(tmp_path, 5, part.stat().st_mtime + 10) == 0, "it may be about to be put in place"
    assert tidy(tmp_path, 5) == 1
    assert names(tmp_path) == ["2026-11-30", f"2026-11-30/{foreign.name}"]
