"""From pjproject's source to a wheel.

Signalling is all that we use of it, so every codec and device but G.711 stays out.
"""

import json
import os
import re
import shutil
import sys
import venv
from pathlib import Path

import kinds
import mends
from shell import BuildError, Shell, output

HERE = Path(__file__).parent
BUILD_LOCK = HERE.parent.parent / "requirements" / "pjsua2-build.lock"
# What decides how the wheel comes out: a change in any of these makes a new cache key.
RECIPE = [
    HERE / "wheel.py",
    HERE / "kinds.py",
    HERE / "mends.py",
    HERE / "mend.py",
    HERE / "fixes.py",
    HERE / "connections.cpp",
    HERE / "new_request.cpp",
    HERE / "tls_keys.cpp",
    HERE / "setup.py",
    HERE / "config_site.h",
    BUILD_LOCK,
]
LOCAL_VERSION = "sipua9"

SANITIZED = HERE.parent / "sanitized.sh"

LEFT_OUT = """
    resample sound video upnp speex-aec speex-codec l16-codec gsm-codec g722-codec g7221-codec
    ilbc-codec opencore-amr silk opus bcg729 lyra libyuv libwebrtc sdl ffmpeg v4l2 openh264 vpx
"""
CONFIGURE = [
    "--enable-epoll",
    "--disable-libsrtp",  # keys and packets are ours; without it no suite and profile is foreign
    *(f"--disable-{feature}" for feature in LEFT_OUT.split()),
]


def unpack(tarball: Path, folder: Path, shell: Shell) -> Path:
    """Unpack a pjproject tarball; its top folder."""
    folder.mkdir()
    shell.run("tar", "-xf", tarball, "-C", folder, cwd=folder)
    version_files = sorted(folder.glob("*/version.mak"))
    if not version_files:
        raise BuildError(f"{tarball} is not a pjproject source tarball: no version.mak in it")
    return version_files[0].parent


def version(tree: Path) -> str:
    """pjproject's version, as its makefile has it: 2.17, or 2.15.1."""
    text = (tree / "version.mak").read_text()
    parts = dict(re.findall(r"^export PJ_VERSION_(\w+)\s*:=[ \t]*(\S*)", text, re.MULTILINE))
    numbers = [parts["MAJOR"], parts["MINOR"]] + ([parts["REV"]] if parts.get("REV") else [])
    return ".".join(numbers)


def build(tree: Path, folder: Path, shell: Shell) -> Path:
    """Compile the libraries and the binding; the wheel, somewhere below `folder`."""
    python = _build_environment(folder / "venv", shell)
    mends.apply(tree)
    _compile_libraries(tree, shell)
    return _compile_binding(tree, folder / "wheel", python, shell)


def _build_environment(folder: Path, shell: Shell) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    shell.run(python, "-m", "pip", "install", "--require-hashes", "-r", BUILD_LOCK, cwd=folder)
    return python


def _compile_libraries(tree: Path, shell: Shell) -> None:
    kind = kinds.chosen()
    limits = (HERE / "config_site.h").read_text() + kind.config
    (tree / "pjlib/include/pj/config_site.h").write_text(limits)
    # Debian removes this driver of a proprietary library, but the makefile still names it.
    (tree / "pjmedia/src/pjmedia-audiodev/bdimad_dev.c").touch()
    for name in ("pjlib", "pjlib-util", "pjnath", "third_party", "pjmedia", "pjsip"):
        (tree / name / "lib").mkdir(exist_ok=True)
    flags = {"CFLAGS": kind.cflags, "CXXFLAGS": kind.cflags, "ASAN_OPTIONS": "detect_leaks=0"}
    shell.run("./configure", *CONFIGURE, cwd=tree, env=flags)
    shell.run("nice", "make", f"-j{os.cpu_count() or 1}", "lib", cwd=tree)


def _compile_binding(tree: Path, stage: Path, python: Path, shell: Shell) -> Path:
    package = stage / "pjsua2"
    package.mkdir(parents=True)
    pj_version = version(tree)
    kind = kinds.chosen()
    full_version = f"{pj_version}+{LOCAL_VERSION}{kind.suffix}"
    (package / "__init__.py").write_text(
        f'from .pjsua2 import *\n\n__version__ = "{full_version}"\n'
    )
    includes = [f"-I{folder}" for folder in sorted(tree.glob("pj*/include"))]
    interface = tree / "pjsip-apps/src/swig/pjsua2.i"
    swig: list[str | Path] = [
        python.parent / "swig",
        "-c++",
        "-python",
        "-threads",
        "-w312",
        *includes,
    ]
    swig += ["-outdir", package, "-o", stage / "pjsua2_wrap.cpp", interface]
    shell.run(*swig, cwd=stage)

    swig_folder = tree / "pjsip-apps/src/swig/python"

    def flags(kind: str) -> list[str]:
        """One of the lists that pjproject keeps for building the binding."""
        make = ("make", "--no-print-directory", "-f", "helper.mak", kind)
        return output(*make, cwd=swig_folder).split()

    extension = {
        "libraries": flags("libs"),
        # -w: SWIG's code is not ours to correct.
        "extra_compile_args": [*flags("cflags"), "-w", *kind.binding_flags],
        # The libraries are static archives: the wheel needs OpenSSL and libuuid, no more.
        "extra_link_args": [*flags("ldflags"), *kind.link_flags],
    }
    (stage / "build.json").write_text(json.dumps({"version": full_version, "extension": extension}))
    shutil.copy(HERE / "setup.py", stage)
    shutil.copy(tree / "COPYING", stage)
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", stage / "out")
    shell.run("nice", python, "-m", "pip", "wheel", *options, stage, cwd=stage)
    return next((stage / "out").glob("*.whl"))


def check(wheel: Path, folder: Path, shell: Shell) -> str:
    """Install the wheel by itself and look at what it can do; a line that says so."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    shell.run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel, cwd=folder)
    probe = HERE.parent.parent / "sipua" / "doctor" / "pjprobe.py"
    runner = [SANITIZED] if kinds.chosen().sanitized else []
    printed = output(*runner, python, "-I", probe, cwd=folder).splitlines()
    found = json.loads(next(line for line in printed if line.startswith("{")))  # pj logs there too

    limit = re.search(r"PJSUA_MAX_CALLS\s+(\d+)", (HERE / "config_site.h").read_text())
    expected: dict[str, object] = {"ioqueue": "epoll"}
    expected |= dict.fromkeys(("asks", "asks_calls", "bounds"), True)
    expected["max_calls"] = int(limit[1]) if limit else 0
    for key, value in expected.items():
        if found[key] != value:
            raise BuildError(f"the built pjsua2 has {key} {found[key]}, not {value}")
    return f"{found['max_calls']} calls, {found['ioqueue']}, {found['openssl']}"


def abi() -> str:
    """The Python that the wheel is for."""
    return f"{sys.implementation.cache_tag}{sys.abiflags}"
