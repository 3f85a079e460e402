"""The lock file: fresh, stable, read without running any tool; what does not fit is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentspec.content.tool_lock import LOCK_FILE, LockedTool, read_lock
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, SyntaxProblem
from agentspec.shipped import folder
from agentspec.toolbox.lock import lock_text, write_lock
from agentspec.toolbox.registry import import_file, load_locked, load_tools, sha256_of
from agentspec.toolbox.tool import call

SHIPPED = folder("tools")
GREET = '''"""Tools of a test."""

from json import dumps


def greet(who: str) -> str:
    """Greet somebody.

    Args:
        who: a name
    """
    return dumps(who)


def _private(x):
    return x
'''


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    (tmp_path / "greet.py").write_text(GREET)
    (tmp_path / "_ignored.py").write_text("raise SystemExit")
    write_lock(tmp_path)
    return tmp_path


def test_the_shipped_lock_is_fresh() -> None:
    assert (SHIPPED / LOCK_FILE).read_text(encoding="utf-8") == lock_text(SHIPPED)


def test_reading_the_lock_imports_no_tool() -> None:
    script = (
        "import sys; from agentspec.content.tool_lock import read_lock; from agentspec.shipped import folder;"
        f"print(sorted(read_lock(folder('tools') / '{LOCK_FILE}')));"
        "print([m for m in sys.modules if 'tools' in m.split('_') or m in ('calculator', 'lookup', 'pydantic')"
        " or m.startswith('agentspec.toolbox')]);"
        "print([m.__file__ for m in sys.modules.values() if '/tools/' in (getattr(m, '__file__', '') or '')])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["['calculator', 'lookup']", "[]", "[]"]


def test_the_command_writes_the_lock(tmp_path: Path) -> None:
    copied = shutil.copytree(SHIPPED, tmp_path / "tools")
    (copied / LOCK_FILE).unlink()
    command = [sys.executable, "-W", "error", "-m", "agentspec.toolbox.lock", str(copied)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ran.stdout.strip(), ran.stderr) == (str(copied / LOCK_FILE), "")
    assert (copied / LOCK_FILE).read_bytes() == (SHIPPED / LOCK_FILE).read_bytes()


def test_shipped_tools_work() -> None:
    tools = load_tools(["lookup", "calculator"])
    assert list(tools) == ["lookup", "calculator"]
    assert call(tools["calculator"], {"expression": "2 + 2"}).text == "4"
    assert call(tools["calculator"], {"expression": "1" * 61}).text.startswith("invalid argument 'expression'")
    nothing = call(tools["lookup"], {"query": "Zamunda"})
    assert (nothing.ok, nothing.error, nothing.text) == (False, False, "nothing found for 'Zamunda'")
    assert load_tools([]) == {}


def test_unknown_tool() -> None:
    with pytest.raises(InvalidInput, match="unknown tool 'calculater'; did you mean 'calculator'"):
        load_tools(["lookup", "calculater"])
    with pytest.raises(InvalidInput, match=r"unknown tool '\.\./x'; valid: calculator, lookup"):
        load_tools(["../x"])


def test_round_trip(tools: Path) -> None:
    parameters = {
        "additionalProperties": False,
        "properties": {"who": {"description": "a name", "type": "string"}},
        "required": ["who"],
        "type": "object",
    }
    expected = LockedTool(
        ToolSchema("greet", "Greet somebody.", parameters), "greet.py", "greet", sha256_of(tools / "greet.py")
    )
    assert read_lock(tools / LOCK_FILE) == {"greet": expected}
    assert hash(expected) == hash(read_lock(tools / LOCK_FILE)["greet"])
    assert call(load_locked(["greet"], tools)["greet"], {"who": "Ann"}).text == '"Ann"'


def test_line_ends_do_not_make_a_lock_stale(tools: Path) -> None:
    (tools / "greet.py").write_bytes(GREET.replace("\n", "\r\n").encode())
    load_locked(["greet"], tools)


def change(tools: Path, key: str, value: Any) -> None:
    lock = json.loads((tools / LOCK_FILE).read_text())
    lock["tools"]["greet"][key] = value
    (tools / LOCK_FILE).write_text(json.dumps(lock))


def test_changed_code_is_not_run(tools: Path) -> None:
    (tools / "greet.py").write_text("raise SystemExit('ran')")
    with pytest.raises(InvalidInput, match=r"is out of date: tool 'greet': greet\.py has changed; run `python -m"):
        load_locked(["greet"], tools)
    (tools / "greet.py").unlink()
    with pytest.raises(InvalidInput, match=r"greet\.py is gone"):
        load_locked(["greet"], tools)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("description", "Insult somebody.", "the schema of greet is another"),
        ("parameters", {"type": "object"}, "the schema of greet is another"),
        ("function", "gone", r"greet\.py has no function gone"),
    ],
)
def test_stale_lock(tools: Path, key: str, value: Any, message: str) -> None:
    change(tools, key, value)
    with pytest.raises(InvalidInput, match=rf"{LOCK_FILE} is out of date: tool 'greet': {message}; run"):
        load_locked(["greet"], tools)


@pytest.mark.parametrize("statement", ["raise SystemExit('ran')", "1 / 0", "def broken("])
def test_a_module_that_cannot_be_imported(tmp_path: Path, statement: str) -> None:
    (tmp_path / "broken.py").write_text(statement)
    with pytest.raises(InvalidInput, match=r"broken\.py: cannot be imported: \w+"):
        import_file(tmp_path / "broken.py")
    assert "agentspec_tools_broken" not in sys.modules


def test_an_unfit_tool_leaves_the_lock_alone(tools: Path) -> None:
    before = (tools / LOCK_FILE).read_bytes()
    (tools / "more.py").write_text("def more(x):\n    return x\n")
    with pytest.raises(InvalidInput, match="tool 'more' has no description"):
        write_lock(tools)
    assert (tools / LOCK_FILE).read_bytes() == before


def test_two_tools_of_one_name(tools: Path) -> None:
    shutil.copy(tools / "greet.py", tools / "other.py")
    with pytest.raises(InvalidInput, match=r"greet\.py and other\.py both define the tool 'greet'"):
        write_lock(tools)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("module", "../greet.py", "tool 'greet': 'module' must be a file name such as"),
        ("module", None, "tool 'greet': 'module' must be a file name such as"),
        ("function", "_private", "tool 'greet': 'function' must be the name of a public function"),
        ("sha256", "abc", "tool 'greet': 'sha256' must be 64"),
        ("description", " ", "tool 'greet': 'description' must be a text"),
        ("parameters", [], "tool 'greet': 'parameters' must be a JSON Schema object"),
        ("modul", "x", "tool 'greet': unknown key 'modul'; did you mean 'module'"),
    ],
)
def test_broken_entries(tools: Path, key: str, value: Any, message: str) -> None:
    change(tools, key, value)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_lock(tools / LOCK_FILE)
    assert str(caught.value).startswith(str(tools / LOCK_FILE))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "not a lock file"),
        (b"{}", "not a lock file"),
        (b'{"tools": {}}', "lock_version is None; this agentspec reads 1"),
        (b'{"lock_version": 2, "tools": {}}', "lock_version is 2; this agentspec reads 1"),
        (b'{"lock_version": true, "tools": {}}', "lock_version is True"),
        (b'{"lock_version": 1, "tools": {}, "tool": 1}', "unknown key 'tool'; did you mean 'tools'"),
        (b'{"lock_version": 1, "tools": {"a": 1}}', "tool 'a': expected an object"),
        (b'{"lock_version": 1, "tools": {}, "tools": {}}', "the key 'tools' stands twice in one object"),
        (b'{"lock_version": NaN, "tools": {}}', "NaN is not JSON"),
        (b"[" * 100_000, "recursion"),
        (b"\xff", "cannot be read"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_broken_files(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / LOCK_FILE).write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_lock(tmp_path / LOCK_FILE)
    assert str(caught.value).startswith(str(tmp_path / LOCK_FILE))


def test_not_json_shows_the_place(tmp_path: Path) -> None:
    path = tmp_path / LOCK_FILE
    path.write_text('{\n  "tools": x\n}')
    with pytest.raises(SyntaxProblem) as caught:
        read_lock(path)
    assert str(caught.value) == f'{path}:2:12: not JSON: Expecting value\n      "tools": x\n               ^'


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such lock file; write it with `python -m"):
        read_lock(tmp_path / "none.json")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_lock(tmp_path)


GOOD = {"name": "t", "description": "Do it.", "parameters": {"type": "object", "properties": {"a": {}}}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a b"}, "tool 'a b': 'name' must be"),
        ({"name": None}, "tool None: 'name' must be"),
        ({"extra": 1}, "tool 't': unknown key 'extra'"),
        ({"description": 1}, "tool 't': 'description' must be"),
        ({"parameters": None}, "tool 't': 'parameters' must be a JSON Schema object, not None"),
        ({"parameters": {}}, "tool 't': 'parameters.type' must be"),
        ({"parameters": {"type": "object", "properties": []}}, "tool 't': 'parameters.properties' must be"),
        ({"parameters": {"type": "object", "properties": {"a": 1}}}, "tool 't': 'parameters.properties.a' must be"),
        ({"parameters": {"type": "object", "required": "a"}}, "tool 't': 'parameters.required' must be"),
        ({"parameters": {"type": "object", "required": ["a"]}}, "tool 't': 'parameters.required' names 'a'"),
        (
            {"parameters": {"type": "object", "properties": {"a": {}}, "required": ["a", "a"]}},
            "tool 't': 'parameters.required' names 'a' twice",
        ),
        ({"parameters": {"type": "object", "additionalProperties": 1}}, "'parameters.additionalProperties' must be"),
    ],
)
def test_schema_shapes(change: dict[str, Any], message: str) -> None:
    assert ToolSchema.from_json(GOOD).to_json() == GOOD
    with pytest.raises(InvalidInput, match=message):
        ToolSchema.from_json({**GOOD, **change})


def test_a_schema_is_not_changed_through_its_json() -> None:
    schema = ToolSchema.from_json(GOOD)
    schema.to_json()["parameters"]["properties"]["a"]["type"] = "string"
    assert schema.parameters["properties"]["a"] == {}
