"""How long shipped agents take: compiled from their files, and loaded from the cache of compiled agents.

Each measurement is a process of its own, so nothing is warm but the operating system's files; what a process spends on
starting Python and importing agentspec is in a table of its own and in no other figure. Cold: the agent's files are
read and compiled, without any cache. Stored: the same, and an entry is written. Cached: the entry is found, shown to be
up to date and loaded. Times of the clock, which on a busy machine waits for others, and beside them those of the
processor alone; medians over the processes, with the worst in parentheses. The script fails where an agent is
over the bounds (cold 200 ms, cached 20 ms), or where the two say different things.

    python benchmarks/compile.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agentspec.shipped import folder

COLD_MS, CACHED_MS = 200, 20

ONE = """
import json, sys, time
began = time.perf_counter()
import platformdirs
import agentspec.checking.cache as cache
if "infinite" in open(sys.argv[1], encoding="utf-8").read():
    import agentspec.checking.compile_session
imported, worked = time.perf_counter(), time.process_time()
compiled = cache.compiled_agent(sys.argv[1])
done, worked = time.perf_counter(), time.process_time() - worked
from agentspec.checking.check import check
said = [check(compiled).to_json(), compiled.realizable and str(compiled.guard.least())]
print(json.dumps([1000 * (imported - began), 1000 * (done - imported), 1000 * worked, len(compiled.arena), said]))
"""


def measured(file: Path, cache: str | None) -> list[Any]:
    """Milliseconds of imports, of the agent, and of its work alone; its states, and what `check` says of it."""
    environment = {**os.environ, "AGENTSPEC_CACHE": "off" if cache is None else "on"}
    if cache is not None:  # a home of its own, so that the cache is found as a user's is
        environment |= {"HOME": cache, "XDG_CACHE_HOME": cache, "LOCALAPPDATA": cache}
    command = [sys.executable, "-c", ONE, str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=120)
    found: list[Any] = json.loads(done.stdout)
    return found


def shown(times: list[float]) -> str:
    """Median and worst."""
    return f"{statistics.median(times):.1f} ({max(times):.1f})"


def started(*arguments: str) -> str:
    """Median and worst time of a whole process of Python's, from its start to its end."""
    code = (
        "import subprocess, sys, time\n"
        "began = time.perf_counter()\n"
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)\n"
        "print(1000 * (time.perf_counter() - began))\n"
    )
    command = [sys.executable, "-c", code, *arguments]
    return shown([float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(7)])


def main() -> int:
    """Print the tables; 1 where a bound is broken."""
    os.environ.pop("AGENTSPEC_CACHE_DIR", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as where agentspec is installed
    with tempfile.TemporaryDirectory() as bytecode:
        os.environ["PYTHONPYCACHEPREFIX"] = bytecode
        return tables()


def tables() -> int:
    """The same, with Python's own caches in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    versions = ", ".join(f"{name} {version(name)}" for name in ("agentspec-ltl", "pydantic", "ruamel.yaml"))
    print(f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores; {rounds} processes each\n")
    print("| agent | states | cold ms | its work | stored ms | cached ms | its work | cold/cached | entry kB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    measured(folder("agents") / "clerk.yaml", None)
    failed: list[str] = []
    imports: list[float] = []
    for file in sorted(file for kind in ("agents", "specs") for file in folder(kind).glob("*.yaml")):
        cold, stored, cached, work = [], [], [], []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as cache:
                runs = [measured(file, None), measured(file, cache), measured(file, cache)]
                size = max(entry.stat().st_size for entry in Path(cache).rglob("compiled/*"))
            for times, run in zip((cold, stored, cached), runs, strict=True):
                imports.append(run[0])
                times.append(run[1])
            work.append((runs[0][2], runs[2][2]))
            if runs[0][3:] != runs[1][3:] or runs[0][3:] != runs[2][3:]:
                failed.append(f"{file.stem}: the cache says something else")
        name = file.stem if file.parent.name == "agents" else f"{file.parent.name}/{file.stem}"
        print(
            f"| {name} | {runs[0][3]} | {shown(cold)} | {statistics.median(one for one, _ in work):.1f} "
            f"| {shown(stored)} | {shown(cached)} | {statistics.median(two for _, two in work):.1f} "
            f"| {statistics.median(cold) / statistics.median(cached):.0f} | {size / 1000:.1f} |",
            flush=True,
        )
        for what, times, bound in (("cold", cold, COLD_MS), ("cached", cached, CACHED_MS)):
            if statistics.median(times) > bound:
                failed.append(f"{name}: {what} {statistics.median(times):.1f} ms, more than {bound} ms")
    print("\n| before that | ms |\n| --- | --- |")
    print(f"| a Python that does nothing | {started('-c', 'pass')} |")
    print(f"| importing what compiles and loads agents | {shown(imports)} |")
    print(f"| `agentspec --help`, as a whole | {started('-m', 'agentspec', '--help')} |")
    for line in failed:
        print("FAILED:", line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
