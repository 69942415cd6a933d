"""The wheel carries every module and data file of the tree, each where it will be imported from."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # pip builds it

ROOT = Path(__file__).parent.parent.parent
FOLDERS = {
    "sipua": "sipua",
    "rtp": "sipua/rtp",
    "codecs": "sipua/codecs",
    "bridge": "sipua/bridge",
    "benchmarks": "sipua/bench",
}
# The recordings and their story are for who has the repository.
LEFT_OUT = {
    "benchmarks/README.md",
    "benchmarks/captures",
    "benchmarks/experiments",
    "codecs/_kernel.abi3.so",  # `make native` compiles it, for this clone
    "codecs/_kernel.c",
}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in a wheel built from a copy: setuptools writes into the tree that it builds."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(tree / "out"), str(tree)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (wheel,) = (tree / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _left_out(path: Path) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return any(name == left or name.startswith(f"{left}/") for left in LEFT_OUT)


def test_everything_is_packed(wheel_names: set[str]) -> None:
    in_tree = {
        f"{target}/{path.relative_to(ROOT / folder)}"
        for folder, target in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not _left_out(path)
    }
    packed = {name for name in wheel_names if ".dist-info/" not in name}
    assert packed == in_tree


def test_the_license_and_the_command_are_packed(wheel_names: set[str]) -> None:
    metadata = {name.partition(".dist-info/")[2] for name in wheel_names if ".dist-info/" in name}
    assert {"licenses/LICENSE", "entry_points.txt"} <= metadata
