"""What `check` knows of tools: schemas without a single import, and every way a lock can fail to fit."""

import os
import shutil
import sys
from pathlib import Path

import pytest

import agentspec.content.tool_sources as sources_module
from agentspec.content.installed import installed_tools
from agentspec.content.tool_lock import LOCK_FILE
from agentspec.content.tool_ref import parse_tool_ref
from agentspec.content.tool_schema import ToolSchema
from agentspec.content.tool_sources import tool_sources
from agentspec.errors import InvalidInput
from agentspec.shipped import folder
from tests.toolbox.conftest import PAY, Install, Lock


def schemas(beside: Path | None, *texts: str, agent: Path | None = None) -> dict[str, ToolSchema]:
    found = {}
    for source in tool_sources([parse_tool_ref(text) for text in texts], beside, agent=agent):
        if source.fault is not None:
            raise InvalidInput(source.fault)
        assert source.locked is not None
        found[source.ref.name] = source.locked.schema
    return found


def test_shipped_tools_need_no_lock(here: Path) -> None:
    found = schemas(here, "lookup", "calculator")
    assert list(found) == ["lookup", "calculator"]
    assert list(schemas(None, "calculator")["calculator"].parameters["properties"]) == ["expression"]
    assert schemas(None) == {}


def test_files_from_the_lock(here: Path, locks: Lock) -> None:
    locks("./my_tools.py:pay")
    assert list(schemas(here, "calculator", "./my_tools.py:pay")) == ["calculator", "pay"]


def test_nothing_is_imported(here: Path, locks: Lock, install: Install) -> None:
    install("acme", PAY, "search = acme_code:pay")
    locks("./my_tools.py:pay", "search")
    sys.modules.pop("acme_code")
    before = {name for name in sys.modules if "my_tools" in name or "acme" in name}
    assert list(schemas(here, "./my_tools.py:pay", "search")) == ["pay", "search"]
    assert {name for name in sys.modules if "my_tools" in name or "acme" in name} == before
    assert not list(here.rglob("__pycache__"))


def test_the_code_of_a_file_that_is_not_locked_does_not_run(here: Path) -> None:
    (here / "evil.py").write_text(f"open({str(here / 'ran')!r}, 'w')\n\n\n" + PAY)
    with pytest.raises(InvalidInput, match="is not locked"):
        schemas(here, "./evil.py:pay")
    assert not (here / "ran").exists()


def test_messages_of_files(here: Path, locks: Lock) -> None:
    agent = here / "my agent.yaml"
    with pytest.raises(InvalidInput) as caught:
        schemas(here, "./my_tools.py:pay", agent=agent)
    where = here / LOCK_FILE
    run = f"run `agentspec tools lock '{agent}'`, which imports my_tools.py"
    assert str(caught.value) == f"tool ./my_tools.py:pay is not locked: there is no {where}; {run}"
    with pytest.raises(InvalidInput, match=rf"run `agentspec tools lock {here}/my_tools\.py`"):
        schemas(here, "./my_tools.py:pay")

    locks("./my_tools.py:pay")
    schemas(here, "./my_tools.py:pay", agent=agent)
    with pytest.raises(InvalidInput, match=r"pya is not in .*tools\.lock\.json; did you mean 'pay'\? run `agentspec"):
        schemas(here, "./my_tools.py:pya")
    with pytest.raises(InvalidInput, match=r"my_tool\.py: no such file; did you mean 'my_tools\.py'\?"):
        schemas(here, "./my_tool.py:pay")

    (here / "my_tools.py").write_text(PAY + "\n")
    with pytest.raises(InvalidInput) as caught:
        schemas(here, "./my_tools.py:pay", agent=agent)
    changed = f"tool ./my_tools.py:pay: {where} is out of date: my_tools.py has changed since it was locked; run"
    assert str(caught.value).startswith(changed)
    (here / "my_tools.py").write_bytes(PAY.replace("\n", "\r\n").encode())
    schemas(here, "./my_tools.py:pay")  # line ends are no change
    shutil.move(here / "my_tools.py", here / "theirs.py")
    with pytest.raises(InvalidInput, match=r"holds the 'pay' of my_tools\.py: run .*@tool\(name=\.\.\.\)"):
        schemas(here, "./theirs.py:pay")


def test_a_renamed_tool_is_named_by_its_name(here: Path, locks: Lock) -> None:
    (here / "my_tools.py").write_text(
        "from agentspec.toolbox.tool import tool\n\n\n@tool(name='send')\n" + PAY.split("\n\n\n")[1]
    )
    with pytest.raises(InvalidInput, match=r"'pay' is the tool 'send' \(@tool\(name=\.\.\.\)\): write :send"):
        locks("./my_tools.py:pay")
    locks("./my_tools.py:send")
    assert list(schemas(here, "./my_tools.py:send")) == ["send"]
    with pytest.raises(InvalidInput, match=r"its function pay is the tool 'send' \(write \./my_tools\.py:send\)"):
        schemas(here, "./my_tools.py:pay")


def test_a_text_in_no_folder() -> None:
    with pytest.raises(InvalidInput, match=r"tool \./my_tools\.py:pay: this text lies in no folder"):
        schemas(None, "./my_tools.py:pay")


def test_two_tools_of_one_name(here: Path, locks: Lock) -> None:
    (here / "other.py").write_text(PAY)
    locks("./my_tools.py:pay")
    with pytest.raises(InvalidInput, match=r"two tools are called 'pay': \./my_tools\.py:pay and \./other\.py:pay"):
        schemas(here, "./my_tools.py:pay", "./other.py:pay")


@pytest.mark.parametrize("link", ["file", "folder", "chain"])
def test_links_that_lead_out(here: Path, tmp_path: Path, locks: Lock, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "my_tools.py").write_text(PAY)
    locks("./my_tools.py:pay")
    text = "./my_tools.py:pay"
    if link == "file":
        (here / "my_tools.py").unlink()
        (here / "my_tools.py").symlink_to(outside / "my_tools.py")
    elif link == "folder":
        (here / "sub").symlink_to(outside)
        text = "./sub/my_tools.py:pay"
    else:
        (here / "my_tools.py").unlink()
        (here / "a.py").symlink_to(Path("..") / "outside" / "my_tools.py")
        (here / "my_tools.py").symlink_to("a.py")
    with pytest.raises(InvalidInput, match=r"is a link to .*outside/my_tools\.py, which lies outside"):
        schemas(here, text)


def test_links_that_stay(here: Path, locks: Lock, tmp_path: Path) -> None:
    (here / "link.py").symlink_to("my_tools.py")
    locks("./link.py:pay")
    schemas(here, "./link.py:pay")
    (tmp_path / "way").symlink_to(here)
    schemas(tmp_path / "way", "./link.py:pay")


def test_what_is_no_file(here: Path) -> None:
    (here / "folder.py").mkdir()
    os.mkfifo(here / "pipe.py")
    for name in ("folder", "pipe"):
        with pytest.raises(InvalidInput, match=rf"{name}\.py: not a regular file"):
            schemas(here, f"./{name}.py:pay")


def test_a_broken_lock_is_named(here: Path) -> None:
    (here / LOCK_FILE).write_text("{")
    with pytest.raises(InvalidInput, match=r"tools\.lock\.json:1:2: not JSON"):
        schemas(here, "./my_tools.py:pay")
    assert list(schemas(here, "calculator")) == ["calculator"]


def test_unknown_names(here: Path) -> None:
    with pytest.raises(InvalidInput, match="unknown tool 'calculater'; did you mean 'calculator'") as caught:
        schemas(here, "calculater")
    assert "FILE.py" not in str(caught.value)
    with pytest.raises(InvalidInput, match=r"unknown tool 'zzz'; valid: .*calculator, .*lookup.*; .*\./FILE\.py:zzz"):
        schemas(here, "zzz")


def test_a_damaged_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = shutil.copytree(folder("tools"), tmp_path / "tools")
    monkeypatch.setattr(sources_module, "folder", lambda _kind: copied)
    schemas(None, "calculator")
    with (copied / "calculator.py").open("a") as file:
        file.write("#")
    with pytest.raises(InvalidInput, match=r"tool calculator is shipped, but .* is not what was shipped: reinstall"):
        schemas(None, "calculator")
    (copied / "calculator.py").unlink()
    with pytest.raises(InvalidInput, match="tool calculator is shipped and lacks its code"):
        schemas(None, "calculator")


# ----------------------------------------------------------------------------------------------- distributions


def test_installed_tools_are_locked_by_version(here: Path, install: Install, locks: Lock) -> None:
    site = install("acme", PAY, "search = acme_code:pay")
    with pytest.raises(InvalidInput, match=r"tool search, installed by acme 1\.0 \(acme_code:pay\), is not locked"):
        schemas(here, "search")
    locks("search")
    assert schemas(here, "search")["search"].description == "Pay somebody."
    shutil.rmtree(site / "acme-1.0.dist-info")
    install("acme", PAY, "search = acme_code:pay", version="1.1")
    with pytest.raises(InvalidInput, match=r"out of date: locked as 1\.0 \(acme_code:pay\), installed is acme 1\.1"):
        schemas(here, "search")
    shutil.rmtree(site / "acme-1.1.dist-info")
    with pytest.raises(InvalidInput, match="unknown tool 'search'"):
        schemas(here, "search")


def test_shipped_names_win(here: Path, install: Install) -> None:
    install("acme", PAY, "calculator = acme_code:pay")
    assert list(schemas(here, "calculator")["calculator"].parameters["properties"]) == ["expression"]


def test_two_distributions_with_one_name(here: Path, install: Install) -> None:
    install("acme", PAY, "search = acme_code:pay")
    install("bolt", PAY, "search = bolt_code:pay")
    with pytest.raises(InvalidInput, match=r"search is offered by bolt 1\.0 .* and acme 1\.0 .*: uninstall all but"):
        schemas(here, "search")


def test_a_distribution_seen_twice_counts_once(install: Install, tmp_path: Path) -> None:
    install("acme", PAY, "search = acme_code:pay")
    metadata = "Metadata-Version: 2.1\nName: ACME\nVersion: 1.0\n"
    install("acme", PAY, "search = acme_code:pay", metadata=metadata, at=tmp_path / "again")
    assert len(installed_tools()["search"]) == 1


@pytest.mark.parametrize("metadata", ["Name", "Version: 1\n", "\xff\0", ""])
@pytest.mark.parametrize("points", ["search = acme_code:pay", "search", "=", "[x", "\0"])
def test_broken_metadata_breaks_nothing(install: Install, metadata: str, points: str) -> None:
    install("acme", PAY, points, metadata=metadata or " ")
    install("bolt", PAY, "find = bolt_code:pay")
    assert list(installed_tools()["find"])


@pytest.mark.parametrize("where", ["beside", "current"])
def test_a_distribution_that_came_with_the_agent_is_not_installed(
    here: Path, install: Install, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    install("acme", PAY, "search = acme_code:pay", at=here)
    assert "search" in installed_tools()
    if where == "current":
        monkeypatch.chdir(here)
    with pytest.raises(InvalidInput, match="unknown tool 'search'"):
        schemas(here if where == "beside" else None, "search")
