"""A real systemd that runs one service, in namespaces of its own; it ends with the test.

    with Systemd(tmp_path, unit, drop_in) as systemd:
        systemd.ctl("is-active", "sipua.service")

It sees this machine's files, the network as well, and no other unit. What it would write to /run,
/etc/passwd and /var/lib goes to memory. It takes root, and a kernel that lets it mount a cgroup2.
"""

import shlex
import subprocess
from pathlib import Path
from typing import Self

from support.process import Child, wait_until

_BEGIN = """\
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs /var/lib
for file in passwd group; do
    cp /etc/$file /run/$file
    cat {home}/$file >>/run/$file
    mount --bind /run/$file /etc/$file
done
export SYSTEMD_UNIT_PATH={home}/units container=other
exec /lib/systemd/systemd --unit=test.target --log-target=console --log-level=info --show-status=no
"""
_NAMESPACES = ("--mount", "--mount-proc", "--uts", "--ipc", "--cgroup")


def why_impossible() -> str:
    """What the kernel refuses; empty where it can run."""
    script = "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup"
    tried = subprocess.run(
        ["unshare", "--pid", "--fork", *_NAMESPACES, "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip() if tried.returncode else ""


class Systemd:
    def __init__(self, home: Path, unit: Path, drop_in: str, *, user: str, uid: int) -> None:
        self._service = unit.name
        units = home / "units"
        (units / f"{unit.name}.d").mkdir(parents=True)
        (units / unit.name).write_text(unit.read_text())
        (units / f"{unit.name}.d" / "test.conf").write_text(drop_in)
        (units / "test.target").write_text(f"[Unit]\nWants={unit.name}\n")
        for target in ("network-online", "nss-lookup", "sysinit", "basic", "shutdown"):
            (units / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        (home / "passwd").write_text(f"{user}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n")
        (home / "group").write_text(f"{user}:x:{uid}:\n")
        begin = home / "begin.sh"
        begin.write_text(_BEGIN.format(home=shlex.quote(str(home))))
        self._child = Child(
            ["unshare", "--pid", "--fork", "--kill-child", *_NAMESPACES, "sh", begin],
            home / "systemd.log",
        )
        try:
            self._pid = wait_until(self._first, 10, "systemd's process")
        except BaseException:
            self._child.kill()
            raise

    def _first(self) -> int | None:
        """The process that is 1 inside."""
        children = Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children")
        found = children.read_text().split()
        return int(found[0]) if found else None

    def ctl(self, *arguments: str) -> str:
        """systemctl's answer; empty while it has none."""
        command = ["nsenter", "-t", str(self._pid), "-m", "-p", "systemctl", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.stdout.strip()

    def property(self, name: str) -> str:
        return self.ctl("show", self._service, "--property", name, "--value")

    def main_pid(self) -> int:
        """Of the service, by its number outside."""
        inside = self.property("MainPID")
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                lines = dict(
                    line.split(":\t", 1)
                    for line in status.read_text().splitlines()
                    if ":\t" in line
                )
            except OSError:
                continue
            numbers = lines.get("NSpid", "").split()
            if numbers[-1:] == [inside] and len(numbers) == 2 and self._is_below(int(numbers[0])):
                return int(numbers[0])
        raise LookupError(f"no process {inside} in it")

    def _is_below(self, pid: int) -> bool:
        return _namespace(pid) == _namespace(self._pid)

    def close(self) -> None:
        self._child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _namespace(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""
