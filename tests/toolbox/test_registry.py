"""Loading: only what is locked and trusted runs, and exactly what was read runs."""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentspec.content import tool_sources
from agentspec.content.tool_file import ToolFile, read_tool_file
from agentspec.content.tool_lock import LOCK_FILE
from agentspec.errors import InvalidInput
from agentspec.toolbox.importing import import_tool_file
from agentspec.toolbox.registry import load_tools, tools_from_functions
from agentspec.toolbox.tool import call, tool
from agentspec.toolbox.trust import read_trust, record_trust, store_path
from tests.toolbox.conftest import PAY, Install, Lock

NAMED = "./my_tools.py:pay"


def test_shipped_tools_work() -> None:
    tools = load_tools(["lookup", "calculator"])
    assert list(tools) == ["lookup", "calculator"]
    assert call(tools["calculator"], {"expression": "2 + 2"}).text == "4"
    assert call(tools["calculator"], {"expression": "1" * 61}).text.startswith("invalid argument 'expression'")
    nothing = call(tools["lookup"], {"query": "Zamunda"})
    assert (nothing.ok, nothing.error, nothing.text) == (False, False, "nothing found for 'Zamunda'")
    assert [str(imported) for imported in tools.imported] == [
        "tool lookup: shipped with agentspec",
        "tool calculator: shipped with agentspec",
    ]
    assert load_tools([]) == {}


def test_unknown_names() -> None:
    with pytest.raises(InvalidInput, match="unknown tool 'calculater'; did you mean 'calculator'"):
        load_tools(["lookup", "calculater"])
    with pytest.raises(InvalidInput, match=r"the tool '\.\./x' leads out of the folder"):
        load_tools(["../x"])


def test_a_locked_file_works(here: Path, locks: Lock) -> None:
    locks(NAMED)
    tools = load_tools([NAMED], here)
    assert call(tools["pay"], {"to": "Ann"}).text == '"Ann"'
    assert [str(imported) for imported in tools.imported] == [
        f"tool pay: {here.resolve() / 'my_tools.py'} (trusted since it was locked)"
    ]


def test_loading_writes_nothing(here: Path, locks: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    locks(NAMED)
    before = sorted(here.rglob("*"))
    load_tools([NAMED], here)
    assert sorted(here.rglob("*")) == before == [here / "my_tools.py", here / LOCK_FILE]


# ------------------------------------------------------------------------------------------------------ trust


def test_a_lock_that_came_along_is_no_trust(here: Path, locks: Lock, state: Path) -> None:
    locks(NAMED)
    (state / "trusted.json").unlink()
    (here / "ran").unlink(missing_ok=True)
    with pytest.raises(InvalidInput) as caught:
        load_tools([NAMED], here, agent=here / "agent.yaml")
    real = here.resolve() / "my_tools.py"
    assert str(caught.value) == (
        f"tool ./my_tools.py:pay: {real} is not trusted; a lock file that came with it is no proof. Read it, and what "
        f"it imports; then run `agentspec tools lock {here / 'agent.yaml'}` to trust it as it is, or name it for one "
        "run with --tools"
    )
    tools = load_tools([NAMED], here, trusted_files=[here / "my_tools.py"])
    assert str(tools.imported[0]).endswith("my_tools.py (named on the command line)")
    assert read_trust().files == {}, "naming a file trusts it for one run"


def test_a_new_file_under_a_new_lock_is_not_trusted(here: Path, locks: Lock, tmp_path: Path) -> None:
    locks(NAMED)
    trusted = read_trust().files
    (here / "my_tools.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n\n\n" + PAY)
    sha256 = read_tool_file(here, "my_tools.py").sha256
    content = json.loads((here / LOCK_FILE).read_text())
    content["tools"]["pay"]["sha256"] = sha256
    (here / LOCK_FILE).write_text(json.dumps(content))
    with pytest.raises(InvalidInput, match=r"my_tools\.py has changed since you trusted it"):
        load_tools([NAMED], here)
    assert not (tmp_path / "ran").exists()
    assert read_trust().files == trusted


def test_a_file_of_the_same_text_elsewhere_is_not_trusted(here: Path, locks: Lock, tmp_path: Path) -> None:
    locks(NAMED)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("my_tools.py", LOCK_FILE):
        (other / name).write_bytes((here / name).read_bytes())
    with pytest.raises(InvalidInput, match="is not trusted"):
        load_tools([NAMED], other)


def test_naming_a_file_trusts_that_file_only(here: Path, locks: Lock, state: Path) -> None:
    (here / "other.py").write_text(PAY.replace("pay(", "one("))
    locks("./other.py:one", NAMED)
    (state / "trusted.json").unlink()
    with pytest.raises(InvalidInput, match=r"other\.py is not trusted"):
        load_tools([NAMED, "./other.py:one"], here, trusted_files=[here / "my_tools.py"])


def test_trust_adds_up(tmp_path: Path) -> None:
    files = []
    for i in range(4):
        (tmp_path / f"f{i}.py").write_text(f"x = {i}")
        files.append(read_tool_file(tmp_path, f"f{i}.py"))
    threads = [threading.Thread(target=record_trust, args=([file],)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_trust().files == {str(file.path): file.sha256 for file in files}
    assert sorted(path.name for path in store_path().parent.iterdir()) == ["trusted.json", "trusted.lock"]
    assert store_path().stat().st_mode & 0o777 == 0o600


def test_nothing_runs_unless_everything_may(here: Path, locks: Lock, tmp_path: Path) -> None:
    (here / "first.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').close()\n\n\n" + PAY.replace("pay(", "one("))
    locks("./first.py:one", NAMED)
    (tmp_path / "ran").unlink()
    store = json.loads(store_path().read_text())
    del store["files"][str(here.resolve() / "my_tools.py")]
    store_path().write_text(json.dumps(store))
    with pytest.raises(InvalidInput, match="is not trusted"):
        load_tools(["./first.py:one", NAMED], here)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "not JSON"),
        ("[]", "expected"),
        ("[" * 100_000, "not JSON"),
        ('{"version": 2, "files": {}}', "expected"),
        ('{"version": 1, "files": []}', "'files' must hold"),
        ('{"version": 1, "files": {"/x": 1}}', "'files' must hold"),
        ('{"version": 1, "files": {"/x": "abc"}}', "'files' must hold"),
        ('{"version": 1, "files": {"FILE": "SHA"}, "more": 1}', "expected"),
    ],
)
def test_a_malformed_store_trusts_nothing(here: Path, locks: Lock, state: Path, content: str, fault: str) -> None:
    locks(NAMED)
    good = read_trust().files
    for path, sha256 in good.items():
        content = content.replace("FILE", path).replace("SHA", sha256)
    (state / "trusted.json").write_text(content)
    with pytest.raises(InvalidInput, match=rf"is not trusted \({state / 'trusted.json'}: {fault}.*: nothing in it"):
        load_tools([NAMED], here)
    before = record_trust([read_tool_file(here, "my_tools.py")])
    assert fault in before.fault
    assert read_trust().files == good


def test_a_store_that_is_a_folder_or_cannot_be_written(here: Path, locks: Lock, state: Path) -> None:
    (state / "trusted.json").mkdir(parents=True)
    assert "not a regular file" in read_trust().fault
    with pytest.raises(InvalidInput, match=r"trust cannot be recorded: .*; AGENTSPEC_STATE_DIR names another folder"):
        locks(NAMED)
    assert not (here / LOCK_FILE).exists()
    assert [path.name for path in state.iterdir() if path.name.startswith(".")] == []


def test_the_store_is_the_users(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_path() == state / "trusted.json"
    monkeypatch.delenv("AGENTSPEC_STATE_DIR")
    assert store_path().name == "trusted.json"
    assert "agentspec" in store_path().parts


def test_trust_is_kept_for_files_of_odd_names(tmp_path: Path) -> None:
    name = os.fsdecode(b"od\xffd.py")
    try:
        (tmp_path / name).write_text(PAY)
    except OSError:
        pytest.skip("this file system holds no such name")
    file = read_tool_file(tmp_path, name)
    record_trust([file])
    assert read_trust().objection(file, "x") is None
    import_tool_file(file)


# ---------------------------------------------------------------------------------------- what was read is what runs


def test_a_file_swapped_between_reading_and_running(
    here: Path, locks: Lock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk changes right after the one read: what was hashed still is what runs."""
    locks(NAMED)

    def read_then_swap(folder: Path, relative: str) -> ToolFile:
        file = read_tool_file(folder, relative)
        (folder / relative).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        return file

    monkeypatch.setattr(tool_sources, "read_tool_file", read_then_swap)
    assert call(load_tools([NAMED], here)["pay"], {"to": "Ann"}).text == '"Ann"'
    assert not (tmp_path / "ran").exists()


def test_stale_bytecode_is_not_read(here: Path, locks: Lock, tmp_path: Path) -> None:
    import importlib.util
    import py_compile

    path = here / "my_tools.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compiled = py_compile.compile(str(path), doraise=True, invalidation_mode=mode)
    assert compiled == importlib.util.cache_from_source(str(path))
    path.write_text(PAY)
    locks(NAMED)
    load_tools([NAMED], here)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise SystemExit", "SystemExit$"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(", "SyntaxError: "),
        ("raise GeneratorExit", "GeneratorExit$"),
        ("class E(BaseException):\n def __str__(self): 1 / 0\nraise E", "E$"),
        ("x = 1\0", "null bytes"),
        ("# coding: nonsense\n", "SyntaxError: "),
        ("def f(): f()\nf()", "RecursionError"),
    ],
)
def test_a_file_that_fails_on_import(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "broken.py").write_text(code)
    before = set(sys.modules)
    with pytest.raises(InvalidInput, match=rf"broken\.py: cannot be imported: .*{message}"):
        import_tool_file(read_tool_file(tmp_path, "broken.py"))
    assert not [name for name in set(sys.modules) - before if "broken" in name]


def test_ctrl_c_in_an_import_passes(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        import_tool_file(read_tool_file(tmp_path, "broken.py"))
    assert not [name for name in sys.modules if "tools_broken" in name]


def test_prints_of_an_import_go_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loud.py").write_text("print('hello')")
    import_tool_file(read_tool_file(tmp_path, "loud.py"))
    assert capsys.readouterr() == ("", "hello\n")


def test_the_folder_of_a_file_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("")
    (tmp_path / "wants.py").write_text("import neighbour")
    before = list(sys.path)
    with pytest.raises(InvalidInput, match=r"ModuleNotFoundError: .*\(a tool's file cannot import what lies beside it"):
        import_tool_file(read_tool_file(tmp_path, "wants.py"))
    assert sys.path == before


def test_files_of_one_name_do_not_mix(tmp_path: Path) -> None:
    modules = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.py").write_text(
            f"from dataclasses import dataclass\n\n\n@dataclass\nclass Point:\n    x: 'int' = 0\n\n\nWHERE = '{name}'\n"
        )
        modules.append(import_tool_file(read_tool_file(tmp_path / name, "same.py")))
    assert [module.WHERE for module in modules] == ["a", "b"]
    assert all(sys.modules[module.__name__] is module for module in modules)
    assert [Path(str(module.__file__)).parent.name for module in modules] == ["a", "b"]


def test_our_future_imports_are_not_the_files(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("def f(x: int): ...\n")
    module = import_tool_file(read_tool_file(tmp_path, "plain.py"))
    assert module.f.__annotations__ == {"x": int}


def change(tools: Path, key: str, value: Any) -> None:
    content = json.loads((tools / LOCK_FILE).read_text())
    content["tools"]["pay"][key] = value
    (tools / LOCK_FILE).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("description", "Insult somebody.", "its lock is out of date: what it takes or says of itself"),
        ("parameters", {"type": "object"}, "its lock is out of date: what it takes or says of itself"),
        ("function", "dumps", "its lock names another function"),
        ("sha256", "0" * 64, "is out of date: my_tools.py has changed since it was locked"),
        ("module", "other.py", "holds the 'pay' of other.py"),
    ],
)
def test_a_lock_that_was_tampered_with(here: Path, locks: Lock, key: str, value: Any, message: str) -> None:
    locks(NAMED)
    change(here, key, value)
    with pytest.raises(InvalidInput, match=message):
        load_tools([NAMED], here)


def test_a_file_named_that_holds_no_tool(here: Path, locks: Lock) -> None:
    locks(NAMED)
    (here / "other.py").write_text("")
    with pytest.raises(InvalidInput, match=r"other\.py holds none of the agent's tools: its files are .*my_tools\.py"):
        load_tools([NAMED], here, trusted_files=[here / "other.py"])
    with pytest.raises(InvalidInput, match="it names no file at all"):
        load_tools(["calculator"], here, trusted_files=[here / "other.py"])
    with pytest.raises(InvalidInput, match=r"nothing\.py: no such file"):
        load_tools([NAMED], here, trusted_files=[here / "nothing.py"])


# ------------------------------------------------------------------------------------------------- distributions


def test_an_installed_tool_works(here: Path, install: Install, locks: Lock) -> None:
    code = "from agentspec.toolbox.tool import tool\n\n\n@tool(name='other', timeout=3)\n" + PAY.split("\n\n\n")[1]
    install("acme", code.replace("dumps(to)", "to"), "search = acme_code:pay")
    locks("search")
    tools = load_tools(["search"], here)
    assert call(tools["search"], {"to": "Ann"}).text == "Ann"
    assert (tools["search"].schema.name, tools["search"].timeout) == ("search", 3)
    assert str(tools.imported[0]) == "tool search: installed by acme 1.0 (acme_code:pay)"


def test_a_name_clash_is_told(install: Install) -> None:
    install("acme", PAY, "calculator = acme_code:pay")
    told = str(load_tools(["calculator"]).imported[0])
    assert told == (
        "tool calculator: shipped with agentspec (not the one installed by acme 1.0 (acme_code:pay): shipped names win)"
    )
    assert "acme_code" not in sys.modules


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("acme_code", "the entry point is not module:function"),
        ("acme_code:", "the entry point is not module:function"),
        ("acme code:pay", "the entry point is not module:function"),
        ("acme_gone:pay", "cannot be imported: ModuleNotFoundError"),
        ("acme_code:gone", "acme_code has no gone"),
        ("acme_code:pay.gone", "acme_code has no pay.gone"),
        ("acme_code:dumps.__class__", "is type, not a function"),
        ("acme_code:__doc__", "is str, not a function"),
        ("acme_bad:pay", "cannot be imported: SystemExit: 3"),
    ],
)
def test_broken_entry_points(here: Path, install: Install, locks: Lock, value: str, message: str) -> None:
    site = install("acme", PAY, f"search = {value}")
    (site / "acme_bad.py").write_text("raise SystemExit(3)")
    with pytest.raises(InvalidInput, match=f"the tool 'search' of acme 1.0 .*{message}"):
        locks("search")
    assert not (here / LOCK_FILE).exists()


@pytest.fixture(autouse=True)
def _forget_modules() -> Any:
    yield
    for name in [name for name in sys.modules if name.startswith(("acme_", "bolt_"))]:
        del sys.modules[name]


# ------------------------------------------------------------------------------------------------------ at hand


def f(x: int) -> int:
    """Do it.

    Args:
        x: a number
    """
    return x


def test_functions_at_hand() -> None:
    @tool(name="g", timeout=None)
    def other(x: int) -> int:
        """Do it.

        Args:
            x: a number
        """
        return -x

    tools = tools_from_functions([f, other])
    assert list(tools) == ["f", "g"]
    assert (tools["f"].timeout, tools["g"].timeout) == (30.0, None)
    assert call(tools["g"], {"x": 2}).value == other(2) == -2
    assert list(tools_from_functions([tools["g"], f])) == ["g", "f"]
    assert tools_from_functions([]) == {}
    functions: list[Callable[..., Any]] = [f, f]
    with pytest.raises(InvalidInput, match="two tools are called 'f'"):
        tools_from_functions(functions)
    with pytest.raises(InvalidInput, match="a tool is a function"):
        tools_from_functions([int])
