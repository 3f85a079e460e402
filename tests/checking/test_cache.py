"""The cache of compiled agents: used while nothing has changed, never when it is stale or somebody else's."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import agentspec
from agentspec.checking import cache
from agentspec.checking.cache import cache_folder, compiled_agent
from agentspec.checking.check import check
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.content.tool_ref import parse_tool_ref
from agentspec.episode.prompt_examples import read_examples
from agentspec.errors import InvalidInput, SpecError
from agentspec.shipped import folder
from agentspec.spec.load import load
from agentspec.toolbox.lock import lock, plan_agent

SHIPPED = sorted(file for kind in ("agents", "specs") for file in folder(kind).glob("*.yaml"))

BASE = """version: 1
name: base
steps:
  ask: {by: user, cue: "[Ask]"}
  say: {by: model, cue: "[Say]", text: {max_chars: 40}}
behavior: ask say
"""
SPEC = BASE.replace("name: base", "name: plain")
PAY = '''"""Tools of a test."""


def pay(to: str) -> str:
    """Pay somebody.

    Args:
        to: a name
    """
    return to
'''
CALLS = """version: 1
name: calls
steps:
  ask: {by: user, cue: "[Ask]"}
  call: {by: model, cue: "[Call]", tool: call}
  told: {by: tool, cue: "[Told]"}
behavior: ask (call told)?
"""
Count = Callable[[], int]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a cache and a state folder of its own beside it."""
    monkeypatch.delenv("AGENTSPEC_CACHE", raising=False)
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("AGENTSPEC_STATE_DIR", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def count(place: Path, monkeypatch: pytest.MonkeyPatch) -> Count:
    """How many agents have been compiled since it was asked last."""
    del place
    made: list[object] = []

    def counting(agent: object) -> Compiled:
        made.append(agent)
        return compile_agent(agent)  # type: ignore[arg-type]

    monkeypatch.setattr(cache, "compile_agent", counting)

    def since() -> int:
        found = len(made)
        made.clear()
        return found

    return since


def entries() -> list[Path]:
    there = Path(os.environ["AGENTSPEC_CACHE_DIR"]) / "compiled"
    return sorted(there.glob("*")) if there.is_dir() else []


def told(compiled: Compiled) -> object:
    """What `check` says of an agent, and its examples."""
    if compiled.realizable:
        examples = read_examples(compiled)
        return check(compiled).to_json(), examples, compiled.guard.least()
    return check(compiled).to_json()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_is_kept_of_a_shipped_agent_behaves_as_what_was_compiled(file: Path, count: Count) -> None:
    fresh = compile_agent(load(str(file)))
    made = compiled_agent(str(file))
    assert count() == 1
    kept = compiled_agent(str(file))
    assert count() == 0
    assert kept is not made
    assert type(kept) is type(fresh)
    assert kept.agent == fresh.agent
    assert kept.schemas == fresh.schemas
    assert kept.arena.moves == fresh.arena.moves
    assert (kept.arena.owner, kept.arena.accepting) == (fresh.arena.owner, fresh.arena.accepting)
    assert kept.solution.rank == fresh.solution.rank
    assert kept.shortest_lines == fresh.shortest_lines
    assert kept.longest == fresh.longest
    assert kept.lines == fresh.lines
    assert kept.automaton == fresh.automaton
    assert told(kept) == told(fresh) == told(pickle.loads(pickle.dumps(fresh)))


def test_another_process_with_other_hashes_finds_the_same(place: Path) -> None:
    code = (
        "import json\n"
        "from agentspec.checking import cache\n"
        "from agentspec.checking.check import check\n"
        "made = []\n"
        "compile_agent = cache.compile_agent\n"
        "cache.compile_agent = lambda agent: made.append(1) or compile_agent(agent)\n"
        "compiled = cache.compiled_agent('clerk')\n"
        "print(json.dumps([len(made), check(compiled).to_json(), str(compiled.guard.least())]))\n"
    )
    said = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=place,
            capture_output=True,
            check=True,
            timeout=60,
        )
        said.append(json.loads(done.stdout))
    assert [made for made, *_ in said] == [1, 0]
    assert said[0][1:] == said[1][1:]


def test_the_command_line_says_the_same_with_and_without(place: Path) -> None:
    def checked(**more: str) -> bytes:
        command = [sys.executable, "-m", "agentspec", "check", "--json", "react-zero"]
        done = subprocess.run(
            command, env={**os.environ, **more}, cwd=place, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    without = checked(AGENTSPEC_CACHE="off")
    assert not entries()
    assert checked() == without
    assert len(entries()) == 1
    assert checked() == without


# Stale ----------------------------------------------------------------------------------------------------------------


def layered(place: Path) -> str:
    """An agent that extends a file, with a spec of another name and examples."""
    (place / "base.yaml").write_text("version: 1\nname: base\ninstructions: Be brief.\n")
    (place / "plain.yaml").write_text(SPEC)
    (place / "examples.txt").write_text("[Ask] Who?\n[Say] Me.\n")
    (place / "agent.yaml").write_text(
        "version: 1\nname: agent\nextends: base.yaml\nspec: plain.yaml\nexamples: examples.txt\n"
    )
    return "agent.yaml"


def with_tool(place: Path) -> str:
    """An agent with a tool in a file of its own, locked."""
    (place / "my_tools.py").write_text(PAY)
    (place / "agent.yaml").write_text(CALLS + 'tools: ["./my_tools.py:pay"]\n')
    relock(place)
    return "agent.yaml"


def relock(place: Path) -> None:
    lock(plan_agent(place / "agent.yaml", [parse_tool_ref("./my_tools.py:pay")]))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("agent.yaml", "name: agent", "name: other"),
        ("base.yaml", "brief", "short"),
        ("plain.yaml", "max_chars: 40", "max_chars: 41"),
        ("examples.txt", "Me.", "You"),
    ],
)
def test_a_change_of_any_file_makes_it_stale(file: str, old: str, new: str, place: Path, count: Count) -> None:
    name = layered(place)
    before = compiled_agent(name)
    status = (place / file).stat()
    text = (place / file).read_text()
    assert old in text
    (place / file).write_text(text.replace(old, new))
    os.utime(place / file, ns=(status.st_atime_ns, status.st_mtime_ns))  # times prove nothing
    assert count() == 1
    after = compiled_agent(name)
    assert count() == 1
    assert after.agent != before.agent
    assert compiled_agent(name).agent == after.agent
    assert count() == 0
    assert len(entries()) == 1


def test_files_that_are_touched_or_written_again_are_the_same(place: Path, count: Count) -> None:
    name = layered(place)
    compiled_agent(name)
    for file in place.iterdir():
        file.write_bytes(file.read_bytes())
    compiled_agent(name)
    assert count() == 1


def test_a_file_that_was_not_there_and_would_now_be_meant_makes_it_stale(place: Path, count: Count) -> None:
    (place / "agent.yaml").write_text("version: 1\nname: agent\nextends: react-zero\n")
    before = compiled_agent("agent.yaml")
    compiled_agent("agent.yaml")
    assert count() == 1
    (place / "react-zero").write_text(BASE)
    after = compiled_agent("agent.yaml")
    assert count() == 1
    assert set(after.agent.spec.steps) == {"ask", "say"} != set(before.agent.spec.steps)


def test_what_a_shipped_name_means_is_looked_up_each_time(place: Path, count: Count) -> None:
    compiled_agent("direct")
    (place / "direct").write_text(BASE)
    assert compiled_agent("direct").agent.name == "base"
    (place / "direct").unlink()
    assert compiled_agent("direct").agent.name == "direct"
    assert count() == 2


def test_a_changed_tool_is_a_fault_and_no_hit(place: Path, count: Count) -> None:
    name = with_tool(place)
    compiled_agent(name)
    compiled_agent(name)
    assert count() == 1
    (place / "my_tools.py").write_text(PAY.replace("a name", "a NAME"))
    for _ in range(2):
        with pytest.raises(SpecError, match="out of date"):
            compiled_agent(name)
    relock(place)
    assert "a NAME" in str(compiled_agent(name).schemas["pay"].to_json())


def test_a_changed_lock_file_makes_it_stale(place: Path, count: Count) -> None:
    name = with_tool(place)
    compiled_agent(name)
    file = place / "tools.lock.json"
    file.write_text(file.read_text().replace("Pay somebody.", "Pay a body."))
    assert "Pay a body." in str(compiled_agent(name).schemas["pay"].to_json())
    assert count() == 2
    file.unlink()
    with pytest.raises(SpecError, match="not locked"):
        compiled_agent(name)


def test_a_tool_file_that_becomes_a_link_out_of_the_folder_is_no_hit(place: Path) -> None:
    name = with_tool(place)
    compiled_agent(name)
    (place / "my_tools.py").rename(place.parent / "my_tools.py")
    (place / "my_tools.py").symlink_to(place.parent / "my_tools.py")
    with pytest.raises(SpecError, match="outside"):
        compiled_agent(name)


def test_a_link_that_leads_to_the_same_text_elsewhere_is_no_hit(place: Path) -> None:
    for here in (place / "inside.py", place.parent / "outside.py"):
        here.write_text(PAY)
    (place / "my_tools.py").symlink_to(place / "inside.py")
    (place / "agent.yaml").write_text(CALLS + 'tools: ["./my_tools.py:pay"]\n')
    relock(place)
    compiled_agent("agent.yaml")
    (place / "my_tools.py").unlink()
    (place / "my_tools.py").symlink_to(place.parent / "outside.py")
    with pytest.raises(SpecError, match="outside"):
        compiled_agent("agent.yaml")


def test_agents_with_installed_tools_are_compiled_each_time(
    place: Path, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = place.parent / "site"
    info = site / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "acme_code.py").write_text(PAY.replace("pay", "transfer"))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[agentspec.tools]\ntransfer = acme_code:transfer\n")
    monkeypatch.syspath_prepend(str(site))
    (place / "agent.yaml").write_text(CALLS + "tools: [transfer]\n")
    lock(plan_agent(place / "agent.yaml", [parse_tool_ref("transfer")]))
    compiled_agent("agent.yaml")
    compiled_agent("agent.yaml")
    assert count() == 2
    assert not entries()


@pytest.mark.parametrize("what", ["code", "version", "python", "pydantic"])
def test_another_agentspec_or_python_compiles_anew(
    what: str, place: Path, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = layered(place)
    compiled_agent(name)
    match what:
        case "code":
            monkeypatch.setattr(cache, "_source_state", lambda: "something else")
        case "version":
            monkeypatch.setattr(agentspec, "__version__", "99")
        case "python":
            monkeypatch.setattr(sys, "version", "9.9 (never)")
        case _:
            monkeypatch.setattr(cache.pydantic, "VERSION", "99")
    compiled_agent(name)
    assert count() == 2


def test_the_state_of_the_code_is_that_of_every_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "agentspec"
    (package / "room").mkdir(parents=True)
    for name in ("__init__.py", "room/__init__.py", "room/idea.py"):
        (package / name).write_text("x = 1\n")
    monkeypatch.setattr(agentspec, "__file__", str(package / "__init__.py"))
    states = {cache._source_state.__wrapped__()}
    (package / "room/idea.py").write_text("x = 12\n")
    states.add(cache._source_state.__wrapped__())
    os.utime(package / "room/idea.py", ns=(1, 1))
    states.add(cache._source_state.__wrapped__())
    (package / "room/more.py").write_text("")
    states.add(cache._source_state.__wrapped__())
    assert len(states) == 4


def test_one_name_in_two_folders_is_two_agents(place: Path, count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    layered(place)
    other = place.parent / "other"
    other.mkdir()
    for file in place.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    compiled_agent("agent.yaml")
    monkeypatch.chdir(other)
    compiled_agent("agent.yaml")
    found = compiled_agent(str(other / "agent.yaml"))
    assert count() == 3
    assert len(entries()) == 3
    assert found.agent.source == other / "agent.yaml"
    assert compiled_agent("agent.yaml").agent.source == Path("agent.yaml")  # as it was named, so messages name it so
    assert count() == 0


def test_faults_are_not_kept(place: Path) -> None:
    (place / "agent.yaml").write_text(BASE + "rules: [{id: r, ltl: 'G nothing_of_the_sort'}]\n")
    for _ in range(2):
        with pytest.raises(InvalidInput, match="nothing_of_the_sort") as fault:
            compiled_agent("agent.yaml")
        assert fault.value.location is not None
        assert fault.value.location.line == 7
    with pytest.raises(InvalidInput, match="no file"):
        compiled_agent("agent.yml")
    assert not entries()


def test_an_unrealizable_agent_is_kept_and_still_refused(place: Path, count: Count) -> None:
    (place / "agent.yaml").write_text(BASE + "rules: [{id: r, ltl: 'G !say'}]\n")
    for _ in range(2):
        compiled = compiled_agent("agent.yaml")
        assert not compiled.realizable
        with pytest.raises(SpecError, match="contradictory"):
            _ = compiled.guard
    assert count() == 1


def test_examples_from_a_pipe_are_read_once_and_not_kept(place: Path, count: Count) -> None:
    layered(place)
    (place / "examples.txt").unlink()
    os.mkfifo(place / "examples.txt")
    for _ in range(2):
        write = (place / "examples.txt").write_text
        writer = threading.Thread(target=write, args=("[Ask] Who?\n[Say] Me.\n",), daemon=True)
        writer.start()
        assert "Who?" in compiled_agent("agent.yaml").agent.examples
        writer.join(timeout=10)
        assert not writer.is_alive()  # somebody read it
    assert count() == 2
    assert not entries()


# Hostile --------------------------------------------------------------------------------------------------------------


class Bomb:
    """A pickle that leaves a trace when it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.trace,))


def planted(entry: Path, body: bytes) -> None:
    """Put another pickle into an entry that is right in all else."""
    facts = json.loads(entry.read_bytes().partition(b"\n")[0])
    facts["sha256"] = cache.hashlib.sha256(body).hexdigest()
    entry.write_bytes(json.dumps(facts).encode() + b"\n" + body)


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda _, text=text: text for text in (b"", b"\n", b"garbage", b"{}\n", b'{"seen": 1, "sha256": 2}\n')),
        lambda _: b"[" * 100_000,
        lambda _: os.urandom(5000),
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:-20] + bytes(20),
        lambda content: content.partition(b"\n")[2],
    ],
)
def test_a_damaged_entry_is_no_entry(damage: Callable[[bytes], bytes], place: Path, count: Count) -> None:
    name = layered(place)
    compiled_agent(name)
    (entry,) = entries()
    entry.write_bytes(damage(entry.read_bytes()))
    assert compiled_agent(name).agent.name == "agent"
    assert compiled_agent(name).agent.name == "agent"
    assert count() == 2  # and it was written anew


def test_an_entry_that_is_something_else_is_no_entry(place: Path, count: Count) -> None:
    name = layered(place)
    compiled_agent(name)
    for body in (pickle.dumps({"a": 1}), b"cposix\nno_such_thing\n.", pickle.dumps(load(name)), b""):
        planted(entries()[0], body)
        assert isinstance(compiled_agent(name), Compiled)
    assert count() == 5


@pytest.mark.skipif(os.name == "nt", reason="owners are POSIX's")
@pytest.mark.parametrize("what", ["file group", "file others", "folder group", "folder others", "link", "owner"])
def test_what_others_could_have_written_is_not_loaded(
    what: str, place: Path, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = layered(place)
    compiled_agent(name)
    (entry,) = entries()
    trace = place.parent / "trace"
    planted(entry, pickle.dumps(Bomb(trace)))
    match what:
        case "file group":
            entry.chmod(0o620)
        case "file others":
            entry.chmod(0o602)
        case "folder group":
            entry.parent.chmod(0o770)
        case "folder others":
            entry.parent.chmod(0o777)
        case "link":
            entry.rename(place.parent / "elsewhere")
            entry.symlink_to(place.parent / "elsewhere")
        case _:
            mine = os.geteuid()
            monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    assert compiled_agent(name).agent.name == "agent"
    assert count() == 2
    assert not trace.exists()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_entries_are_private(place: Path) -> None:
    before = os.umask(0)
    try:
        compiled_agent(layered(place))
    finally:
        os.umask(before)
    (entry,) = entries()
    assert entry.stat().st_mode & 0o777 == 0o600
    assert entry.parent.stat().st_mode & 0o777 == 0o700


def test_the_bomb_goes_off_where_nothing_holds_it_back(place: Path) -> None:
    """So that the test of what others could have written can fail."""
    trace = place.parent / "trace"
    name = layered(place)
    compiled_agent(name)
    planted(entries()[0], pickle.dumps(Bomb(trace)))
    compiled_agent(name)
    assert trace.exists()


# Faults of machine and surroundings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a file", "read-only", "no folder may be made", "full"])
def test_a_cache_that_cannot_be_written_changes_nothing(
    what: str, place: Path, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = layered(place)
    root = place.parent / "cache"

    def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    match what:
        case "a file":
            root.write_text("")
        case "read-only":
            (root / "compiled").mkdir(parents=True, mode=0o700)
            (root / "compiled").chmod(0o500)
            monkeypatch.setattr(cache.os, "open", fails)  # root may write everywhere
        case "no folder may be made":
            monkeypatch.setattr(Path, "mkdir", fails)
        case _:
            monkeypatch.setattr(Path, "replace", fails)
    for _ in range(2):
        assert compiled_agent(name).agent.name == "agent"
    assert count() == 2
    if what == "full":
        assert not entries()


def test_a_home_that_is_not_there_gets_no_folder(place: Path, count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    name = layered(place)
    monkeypatch.setenv("AGENTSPEC_CACHE_DIR", "~nobody-of-that-name/cache")
    assert cache_folder() is None
    compiled_agent(name)
    compiled_agent(name)
    assert count() == 2
    assert not [file for file in place.iterdir() if "~" in file.name]


def test_without_a_current_folder_shipped_agents_compile(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = place.parent / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert compiled_agent("direct").agent.name == "direct"


def test_off_is_off(place: Path, count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    name = layered(place)
    monkeypatch.setenv("AGENTSPEC_CACHE", "off")
    compiled_agent(name)
    compiled_agent(name)
    assert count() == 2
    assert not entries()


def test_many_writers_at_once_leave_whole_entries(place: Path, count: Count) -> None:
    name = layered(place)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for i in range(6):
                assert compiled_agent(name).agent.name == "agent"
                if i % 2:
                    for entry in entries():
                        entry.unlink(missing_ok=True)
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    compiled_agent(name)
    count()
    compiled_agent(name)
    assert count() == 0
    assert len(entries()) == 1


def test_only_the_newest_entries_stay(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 3)
    for i in range(5):
        (place / f"{i}.yaml").write_text(BASE.replace("base", f"base{i}"))
        compiled_agent(f"{i}.yaml")
        newest = max(entries(), key=lambda entry: entry.stat().st_mtime_ns)
        os.utime(newest, ns=(i * 10**9, i * 10**9))
    assert len(entries()) == 3
    assert sorted(entry.stat().st_mtime_ns for entry in entries()) == [i * 10**9 for i in (2, 3, 4)]


def test_entries_together_are_bounded_and_a_huge_one_is_not_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = layered(place)
    compiled_agent(name)
    size = entries()[0].stat().st_size
    monkeypatch.setattr(cache, "LARGEST", size - 1)
    entries()[0].unlink()
    compiled_agent(name)
    assert not entries()
    monkeypatch.setattr(cache, "LARGEST", size)
    monkeypatch.setattr(cache, "MOST_BYTES", size)
    compiled_agent(name)
    assert len(entries()) == 1
    compiled_agent("direct")
    assert len(entries()) == 1
