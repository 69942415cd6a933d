"""S25: files of certificates that a slow connection may read after reloads."""

from __future__ import annotations

from pathlib import Path

from sipua.sip.pj.native.memory_files import KEPT_S, MemoryFiles


def test_what_was_replaced_stays_for_its_time() -> None:
    now = [100.0]
    files = MemoryFiles(lambda: now[0])
    names = []
    for number in range(4):
        names.append(files.name(b"%d" % number))
        files.replace()
        now[0] += KEPT_S / 2 - 1
    assert not Path(names[0]).exists(), "its time was over with the last reload"
    assert [Path(name).read_bytes() for name in names[1:]] == [b"1", b"2", b"3"]
    files.close()
    assert not any(Path(name).exists() for name in names)


def test_nothing_has_no_file() -> None:
    assert MemoryFiles().name(b"") == ""
