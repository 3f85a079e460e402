"""The lock file: fresh, stable, read without running any tool; what does not fit is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentspec import limits
from agentspec.content.tool_lock import LOCK_FILE, InFile, InPackage, LockedTool, lock_text, read_lock
from agentspec.content.tool_ref import parse_tool_ref
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, SyntaxProblem
from agentspec.shipped import folder
from agentspec.toolbox.lock import describe, lock, plan_agent, plan_file, plan_folder
from agentspec.toolbox.trust import read_trust
from tests.toolbox.conftest import PAY, Install, Lock

SHIPPED = folder("tools")


def names(path: Path) -> list[str]:
    return list(read_lock(path / LOCK_FILE))


def test_the_shipped_lock_is_fresh() -> None:
    assert (SHIPPED / LOCK_FILE).read_text(encoding="utf-8") == lock_text(*describe(plan_folder(SHIPPED)))


def test_locking_the_shipped_tools_rewrites_their_lock(tmp_path: Path) -> None:
    copied = shutil.copytree(SHIPPED, tmp_path / "tools")
    (copied / LOCK_FILE).unlink()
    lock(plan_folder(copied))
    assert (copied / LOCK_FILE).read_bytes() == (SHIPPED / LOCK_FILE).read_bytes()


def test_reading_the_lock_imports_no_tool() -> None:
    script = (
        "import sys; from agentspec.content.tool_lock import read_lock; from agentspec.shipped import folder;"
        f"print('calculator' in read_lock(folder('tools') / '{LOCK_FILE}'));"
        "print([m for m in sys.modules if 'tools' in m.split('_') or m in ('calculator', 'lookup', 'pydantic')"
        " or m.startswith('agentspec.toolbox')]);"
        "print([m.__file__ for m in sys.modules.values() if '/tools/' in (getattr(m, '__file__', '') or '')])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["True", "[]", "[]"]


def test_round_trip(here: Path) -> None:
    locked = lock(plan_folder(here))
    assert locked.path.stat().st_mode & 0o777 == (here / "my_tools.py").stat().st_mode & 0o777
    parameters = {
        "additionalProperties": False,
        "properties": {"to": {"description": "a name", "type": "string"}},
        "required": ["to"],
        "type": "object",
    }
    sha256 = plan_file(here / "my_tools.py").files["my_tools.py"].sha256
    expected = LockedTool(ToolSchema("pay", "Pay somebody.", parameters), InFile("my_tools.py", "pay", sha256))
    assert read_lock(locked.path) == locked.tools == {"pay": expected}
    assert hash(expected) == hash(read_lock(locked.path)["pay"])
    packaged = LockedTool(expected.schema, InPackage("acme", "1.0+local", "acme.tools:pay"))
    locked.path.write_text(lock_text({"pay": packaged}))
    assert read_lock(locked.path) == {"pay": packaged}


def test_a_folder_locks_what_its_files_define(here: Path) -> None:
    (here / "_ignored.py").write_text("raise SystemExit")
    (here / ".hidden.py").write_text("raise SystemExit")
    (here / "empty.py").write_text("from json import dumps\n")
    (here / "sub").mkdir()
    (here / "sub" / "more.py").write_text("raise SystemExit")
    lock(plan_folder(here))
    assert names(here) == ["pay"]


def test_an_agent_locks_what_it_names(here: Path, locks: Lock) -> None:
    (here / "sub").mkdir()
    more = PAY.replace("pay(", "refund(") + "\n\ndef undocumented(x):\n    return x\n"
    (here / "sub" / "more.py").write_text(more)
    locks("calculator", "./my_tools.py:pay", "./sub/more.py:refund")
    assert names(here) == ["pay", "refund"]
    assert read_lock(here / LOCK_FILE)["refund"].place == InFile(
        "sub/more.py", "refund", plan_file(here / "sub" / "more.py").files["more.py"].sha256
    )


def test_locking_keeps_what_others_locked(here: Path, locks: Lock) -> None:
    (here / "other.py").write_text(PAY.replace("pay(", "refund("))
    (here / "gone.py").write_text(PAY.replace("pay(", "gone("))
    locks("./my_tools.py:pay")
    locks("./other.py:refund", "./gone.py:gone")
    (here / "gone.py").unlink()
    (here / "my_tools.py").write_text(PAY + "\n\n" + PAY.replace("pay(", "pay_later("))
    outcome = lock(plan_agent(here / "agent.yaml", [parse_tool_ref("./my_tools.py:pay_later")]))
    assert names(here) == ["pay", "pay_later", "refund"]
    assert outcome.dropped == ("gone",)
    fresh = plan_file(here / "my_tools.py").files["my_tools.py"].sha256
    places = [tool.place for tool in read_lock(here / LOCK_FILE).values()]
    assert [place.sha256 == fresh for place in places if isinstance(place, InFile)] == [True, True, False]


def test_a_folder_forgets_what_its_files_no_longer_define(here: Path, install: Install, locks: Lock) -> None:
    install("acme", PAY, "search = acme_code:pay")
    (here / "sub").mkdir()
    (here / "sub" / "more.py").write_text(PAY.replace("pay(", "refund("))
    locks("search", "./my_tools.py:pay", "./sub/more.py:refund")
    (here / "my_tools.py").write_text(PAY.replace("pay(", "paid("))
    assert lock(plan_folder(here)).dropped == ("pay",)
    assert names(here) == ["paid", "refund", "search"]


def test_a_tool_that_moved_is_told(here: Path, locks: Lock) -> None:
    locks("./my_tools.py:pay")
    (here / "other.py").write_text(PAY)
    moved = lock(plan_agent(here / "agent.yaml", [parse_tool_ref("./other.py:pay")]))
    assert moved.notes == ("'pay' was the one of my_tools.py and is now the one of other.py",)


def test_a_broken_lock_is_written_anew(here: Path) -> None:
    (here / LOCK_FILE).write_text("<<<<<<< HEAD\n")
    outcome = lock(plan_folder(here))
    assert "the old lock file could not be read and is written anew" in outcome.notes[0]
    assert names(here) == ["pay"]


def test_a_lock_that_is_a_link_is_replaced_not_written_through(here: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    (here / LOCK_FILE).symlink_to(victim)
    lock(plan_folder(here))
    assert victim.read_text() == "mine"
    assert names(here) == ["pay"]


def test_options_of_the_decorator_are_locked(here: Path) -> None:
    code = "from agentspec.toolbox.tool import tool\n\n\n@tool(name='pay-now', timeout=2.0)\n"
    (here / "my_tools.py").write_text(code + PAY.split("\n\n\n")[1].replace("dumps(to)", "to"))
    lock(plan_folder(here))
    text = (here / LOCK_FILE).read_text()
    assert names(here) == ["pay-now"]
    assert '"function": "pay"' in text
    assert "2.0" not in text


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def more(x):\n    return x\n",
            "tool 'more' has no description; .*; if more is no tool, begin its name with _",
        ),
        ("more = lambda x: x\n", "tool 'more' has no description"),
        (PAY, r"more\.py and my_tools\.py both define the tool 'pay'"),
        (PAY + "\nother = pay\n", "both define the tool 'pay'"),
        ("raise SystemExit(0)", r"more\.py: cannot be imported: SystemExit: 0"),
        ("\0", r"more\.py: cannot be imported: .*null bytes"),
        ("\u00e9 = (", r"more\.py: cannot be imported: SyntaxError"),
    ],
)
def test_an_unfit_file_leaves_lock_and_trust_alone(here: Path, code: str, message: str) -> None:
    lock(plan_folder(here))
    before, trusted = (here / LOCK_FILE).read_bytes(), read_trust().files
    (here / "more.py").write_text(code)
    with pytest.raises(InvalidInput, match=message):
        lock(plan_folder(here))
    assert (here / LOCK_FILE).read_bytes() == before
    assert read_trust().files == trusted


def test_two_functions_of_one_name_in_one_file(here: Path) -> None:
    code = "from agentspec.toolbox.tool import tool\n" + PAY
    (here / "my_tools.py").write_text(code + "\n@tool(name='pay')\ndef other(to: str) -> None:\n    'Do.'\n")
    with pytest.raises(InvalidInput, match="pay and other are both the tool 'pay'"):
        lock(plan_folder(here))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("./my_tools.py:pya", r"has no function 'pya'; did you mean 'pay'\?"),
        ("./my_tools.py:dumps", "'dumps' is not a function defined in that file: wrap it in a def"),
        ("./my_tools.py:Bank", "'Bank' is a class; a tool is a function: wrap it in a def"),
        ("./my_tools.py:bank", "'bank' is not a function defined in that file"),
        ("./my_tools.py:number", "'number' is int, not a function"),
        ("./my_tools.py:short", "tool 'short' has no description"),
        ("./my_tool.py:pay", r"my_tool\.py: no such file"),
        ("./folder.py:pay", r"folder\.py: not a regular file"),
        ("./huge.py:pay", rf"huge\.py: larger than {limits.TOOL_FILE_BYTES} bytes"),
        ("./binary.py:pay", r"binary\.py: cannot be imported: \w+"),
        ("./latin.py:pay", r"latin\.py: cannot be imported: SyntaxError"),
        ("./outside.py:pay", "outside.py is a link to .*, which lies outside"),
        ("./loop.py:pay", r"loop\.py: no such file"),
        ("calculater", "unknown tool 'calculater'; did you mean 'calculator'"),
    ],
)
def test_what_an_agent_names_must_be_there(here: Path, tmp_path: Path, text: str, message: str) -> None:
    with (here / "my_tools.py").open("a") as file:
        file.write("\n\nclass Bank:\n    def __call__(self): ...\n\n\nbank = Bank()\nnumber = 1\nshort = lambda x: x\n")
    (here / "folder.py").mkdir()
    (here / "huge.py").write_bytes(b"#" * (limits.TOOL_FILE_BYTES + 1))
    (here / "binary.py").write_bytes(bytes(range(256)) * 20)
    (here / "latin.py").write_bytes('"é"'.encode("latin-1"))
    (tmp_path / "outside.py").write_text(PAY)
    (here / "outside.py").symlink_to(tmp_path / "outside.py")
    (here / "loop.py").symlink_to(here / "loop.py")
    with pytest.raises(InvalidInput, match=message):
        lock(plan_agent(here / "agent.yaml", [parse_tool_ref(text)]))
    assert not (here / LOCK_FILE).exists()
    assert read_trust().files == {}


def test_plans_say_what_is_wrong_with_a_path(here: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with pytest.raises(InvalidInput, match="no Python file in this folder"):
        plan_folder(tmp_path / "state")
    with pytest.raises(InvalidInput, match=r"which ends in \.py"):
        plan_file(here / "my_tools.txt")
    with pytest.raises(InvalidInput, match="no such file"):
        plan_file(here / "nothing.py")
    (here / "empty.py").write_text("")
    with pytest.raises(InvalidInput, match="defines no public function"):
        lock(plan_file(here / "empty.py"))


def change(tools: Path, key: str, value: Any) -> None:
    content = json.loads((tools / LOCK_FILE).read_text())
    content["tools"]["pay"][key] = value
    (tools / LOCK_FILE).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("module", "../my_tools.py", "tool 'pay': 'module' must be the path of a Python file in the lock's folder"),
        ("module", "sub/../../my_tools.py", "tool 'pay': 'module' must be"),
        ("module", "/etc/my_tools.py", "tool 'pay': 'module' must be"),
        ("module", "./my_tools.py", "tool 'pay': 'module' must be"),
        ("module", "sub\\\\my_tools.py", "tool 'pay': 'module' must be"),
        ("module", "os", "tool 'pay': 'module' must be"),
        ("module", None, "tool 'pay': 'module' must be"),
        ("function", "_private", "tool 'pay': 'function' must be the name of a public function"),
        ("sha256", "abc", "tool 'pay': 'sha256' must be 64"),
        ("description", " ", "tool 'pay': 'description' must be a text"),
        ("parameters", [], "tool 'pay': 'parameters' must be a JSON Schema object"),
        ("modul", "x", "tool 'pay': unknown key 'modul'; did you mean 'module'"),
        ("distribution", "acme", "tool 'pay': unknown key 'module'"),
    ],
)
def test_broken_entries(here: Path, key: str, value: Any, message: str) -> None:
    lock(plan_folder(here))
    change(here, key, value)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_lock(here / LOCK_FILE)
    assert str(caught.value).startswith(str(here / LOCK_FILE))


@pytest.mark.parametrize(
    ("key", "value"), [("distribution", "../x"), ("version", "1 0"), ("entry_point", "a:b\x1b"), ("entry_point", None)]
)
def test_broken_entries_of_packages(tmp_path: Path, key: str, value: Any) -> None:
    described = {"description": "Do.", "parameters": {"type": "object"}}
    entry = {"distribution": "acme", "version": "1.0", "entry_point": "a:b", **described}
    path = tmp_path / LOCK_FILE
    path.write_text(json.dumps({"lock_version": 1, "tools": {"t": entry}}))
    assert read_lock(path)["t"].place == InPackage("acme", "1.0", "a:b")
    path.write_text(json.dumps({"lock_version": 1, "tools": {"t": {**entry, key: value}}}))
    with pytest.raises(InvalidInput, match=f"tool 't': '{key}' must be"):
        read_lock(path)


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
        (b" " * 2000, "larger than 1000 bytes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_broken_files(tmp_path: Path, content: bytes, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "larger" in message:
        monkeypatch.setattr(limits, "TOOL_LOCK_BYTES", 1000)
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
    with pytest.raises(InvalidInput, match="no such lock file; write it with `agentspec tools lock"):
        read_lock(tmp_path / "none.json")
    with pytest.raises(InvalidInput, match="not a regular file"):
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
