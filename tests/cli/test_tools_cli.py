"""``agentspec tools`` as a user meets it, and that nobody's code runs before its time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentspec.cli.tools import app
from agentspec.errors import AgentSpecError

AGENT = """\
version: 1
name: payer
steps:
  question: {by: user, cue: "[Q]"}
  action: {by: model, cue: "[Do]", tool: name}
  input: {by: model, cue: "[In]", tool: arguments}
  seen: {by: tool, cue: "[See]"}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question (action input seen)* answer
tools: [calculator, ./my_tools.py:pay]
"""
TOOL = '''\
from pathlib import Path

Path(__file__).with_name("ran").touch()
print("hello from the import")


def pay(to: str, amount: int = 1) -> str:
    """Pay somebody \x1b[31m[bold]now[/bold].

    Args:
        to: a name
        amount: in euro
    """
    return to
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "agent.yaml").write_text(AGENT)
    (folder / "my_tools.py").write_text(TOOL)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AGENTSPEC_STATE_DIR", str(tmp_path / "state"))
    return folder


class Tools:
    """Runs ``agentspec tools`` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = 0
        fault = ""
        try:
            app(list(arguments))
        except AgentSpecError as problem:
            code, fault = problem.exit_code, f"error: {problem}\n"
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 0
        out, err = self.capsys.readouterr()
        return code, out, err + fault


@pytest.fixture
def tools(capsys: pytest.CaptureFixture[str]) -> Tools:
    return Tools(capsys)


def states(out: str) -> dict[str, str]:
    return {row["name"]: row["state"] for row in json.loads(out)["tools"]}


@pytest.mark.usefixtures("here")
def test_what_is_there(tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = tools("list")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["name", "arguments", "state", "from", "description"]
    assert {"calculator  expression  ready", "lookup  query  ready"} <= {"  ".join(line.split()[:3]) for line in lines}
    assert all(line == line.rstrip() for line in lines)

    info = tmp_path / "site" / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[agentspec.tools]\nsearch = acme_gone:f\nlookup = acme_gone:f\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    code, out, err = tools("list")
    assert code == 0
    assert "installed: acme 1.0 (acme_gone:f)" in out
    assert "problem: lookup of acme is hidden by the shipped tool of that name" in err


def test_long_tables_do_not_fold(here: Path, tools: Tools) -> None:
    (here / "my_tools.py").write_text(TOOL.replace("somebody", "somebody " + "at length " * 100))
    tools("lock", "agent.yaml")
    _, out, _ = tools("list", "agent.yaml")
    assert len(out.splitlines()) == 3


def test_locking_and_its_states(here: Path, tools: Tools) -> None:
    code, out, err = tools("list", "agent.yaml")
    assert code == 1
    assert "not locked" in out
    assert "run `agentspec tools lock agent.yaml`" in err
    assert states(tools("list", "agent.yaml", "--json")[1]) == {"calculator": "ready", "pay": "not locked"}
    assert not (here / "ran").exists()

    code, out, err = tools("lock", "agent.yaml")
    real = here.resolve() / "my_tools.py"
    assert (code, err) == (0, "hello from the import\n")
    assert out.splitlines() == [
        f"importing {real}",
        "locked pay(to, amount?) of my_tools.py",
        "wrote tools.lock.json",
        f"trusted as read: {real}",
    ]
    (here / "ran").unlink()

    code, out, err = tools("list", "agent.yaml")
    assert (code, err) == (0, "")
    assert "to, amount?" in out
    assert "Pay somebody \\x1b[31m[bold]now[/bold]." in out
    shown = json.loads(tools("list", "agent.yaml", "--json")[1])
    assert shown["schema_version"] == 1
    assert shown["tools"][1] == {
        "name": "pay",
        "ref": "./my_tools.py:pay",
        "from": "file",
        "where": str(real),
        "state": "ready",
        "locked": True,
        "trusted": True,
        "stale": False,
        "description": "Pay somebody \x1b[31m[bold]now[/bold].",
        "parameters": shown["tools"][1]["parameters"],
        "problem": None,
    }

    (here.parent / "state" / "trusted.json").write_text("{")
    code, out, err = tools("list", "agent.yaml", "--json")
    assert code == 1
    assert states(out)["pay"] == "locked, not trusted"
    assert "trusted.json: not JSON" in err
    code, out, _ = tools("lock", "agent.yaml")
    assert "trusted.json: not JSON" in out
    assert "written anew" in out

    (here / "my_tools.py").write_text(TOOL + "# more\n")
    assert states(tools("list", "agent.yaml", "--json")[1])["pay"] == "stale"
    (here / "my_tools.py").unlink()
    assert states(tools("list", "agent.yaml", "--json")[1])["pay"] == "missing"
    assert json.loads(tools("list", "react", "--json")[1])["tools"][0]["state"] == "ready"


def test_what_is_locked_by_a_path(here: Path, tools: Tools) -> None:
    assert tools("lock")[0] == 2, "what is imported has to be named"
    for path in (["."], ["my_tools.py"], ["my_tools.py", "agent.yaml"]):
        assert tools("lock", *path)[0] == 0
        assert list(json.loads((here / "tools.lock.json").read_text())["tools"]) == ["pay"]
        (here / "tools.lock.json").unlink()
    (here / "agent.yaml").write_text(AGENT.replace(", ./my_tools.py:pay", ""))
    assert tools("lock", "agent.yaml") == (0, "agent.yaml: names no tool of its own, nothing to lock\n", "")
    assert not (here / "tools.lock.json").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing.yaml", "nothing.yaml: no such file or folder"),
        ("react", "react: no such file or folder"),
        ("notes.txt", "notes.txt: is not an agent's .yaml file, a .py file or a folder"),
        ("gone.py", "gone.py: no such file"),
        ("empty", "empty: no Python file in this folder"),
        ("broken.py", "broken.py: cannot be imported: SystemExit: 0"),
    ],
)
def test_paths_that_cannot_be_locked(here: Path, tools: Tools, path: str, message: str) -> None:
    (here / "notes.txt").write_text("")
    (here / "empty").mkdir()
    (here / "broken.py").write_text("import sys\nsys.exit(0)\n")
    code, _, err = tools("lock", path)
    assert code == 2
    assert message in err
    assert not (here / "tools.lock.json").exists()


def agentspec(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "agentspec", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "AGENTSPEC_MODEL": "no-such-model"},
        timeout=120,
        check=False,
    )


def test_the_code_of_an_agent_runs_only_when_locked_or_trusted(here: Path, tools: Tools) -> None:
    ran = here / "ran"
    unlocked = agentspec("check", "agent.yaml")
    assert unlocked.returncode == 2
    assert "tool ./my_tools.py:pay is not locked" in unlocked.stderr
    assert "agentspec tools lock agent.yaml" in unlocked.stderr

    tools("lock", "agent.yaml")
    ran.unlink()
    (here.parent / "state" / "trusted.json").unlink()
    checked = agentspec("check", "agent.yaml")
    assert checked.returncode == 0, checked.stderr
    assert "hello" not in checked.stdout + checked.stderr
    refused = agentspec("run", "agent.yaml", "hello")
    assert refused.returncode == 2
    assert "my_tools.py is not trusted" in refused.stderr
    assert not ran.exists()

    tools("lock", "agent.yaml")
    ran.unlink()
    (here / "my_tools.py").write_text(TOOL + "# more\n")
    for command in (["check", "agent.yaml"], ["run", "agent.yaml", "hello"]):
        stale = agentspec(*command)
        assert stale.returncode == 2
        assert "my_tools.py has changed since it was locked" in stale.stderr
    assert not ran.exists()
