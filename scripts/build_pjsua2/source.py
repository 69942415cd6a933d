"""Where pjproject's source comes from.

Debian's `asterisk` source package carries pjproject as a tarball of its own. apt fetches it from
the mirror that this system already uses, and checks its signature against Debian's archive keyring.
apt runs on folders of its own: nothing of the system's sources, lists or caches is touched.
"""

import shutil
from pathlib import Path

from shell import BuildError, Shell, output

KEYRINGS = [
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
]
COMPONENT = ".orig-Xpjproject.tar."
OTHERWISE = "Give the source yourself: PJPROJECT_SOURCE=/path/to/pjproject.tar.gz make pjsua2"


def fetch(folder: Path, shell: Shell) -> Path:
    """Download the newest pjproject that Debian has into `folder`, an empty one."""
    keyring = next((path for path in KEYRINGS if path.exists()), None)
    if shutil.which("apt-get") is None or keyring is None:
        raise BuildError(f"this system has no apt with Debian's archive keyring. {OTHERWISE}")

    sources = folder / "sources.list"
    sources.write_text(f"deb-src [signed-by={keyring}] {_mirror()} sid main\n")
    config = folder / "apt.conf"
    config.write_text(_apt_config(folder, sources))
    try:
        shell.run("apt-get", "-c", config, "update", cwd=folder)
        shell.run("apt-get", "-c", config, "source", "--download-only", "asterisk", cwd=folder)
    except BuildError as error:
        raise BuildError(f"{error}\n{OTHERWISE}") from None

    found = [path for path in folder.iterdir() if COMPONENT in path.name and path.suffix != ".asc"]
    if len(found) != 1:
        raise BuildError(f"Debian's asterisk source no longer contains pjproject. {OTHERWISE}")
    return found[0]


def _mirror() -> str:
    """The system's Debian mirror. apt reads its own configuration, in whichever of its formats."""
    targets = output(
        "apt-get",
        "indextargets",
        "--no-release-info",
        "--format",
        "$(REPO_URI) $(RELEASE)",
        "Created-By: Packages",
        "Component: main",
    )
    for target in targets.splitlines():
        uri, release = target.split()
        if "security" not in release:  # that archive has no sid
            return uri
    raise BuildError(f"apt's sources name no Debian mirror. {OTHERWISE}")


def _apt_config(folder: Path, sources: Path) -> str:
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    return "\n".join(
        [
            f'Dir::Etc::sourcelist "{sources}";',
            'Dir::Etc::sourceparts "/dev/null";',
            f'Dir::State "{folder / "state"}";',
            'Dir::State::status "/dev/null";',
            f'Dir::Cache "{folder / "cache"}";',
            # The system's hooks (containers delete caches there) are not meant for these folders.
            "#clear APT::Update::Pre-Invoke;",
            "#clear APT::Update::Post-Invoke;",
            "#clear APT::Update::Post-Invoke-Success;",
            "",
        ]
    )
