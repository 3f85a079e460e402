"""The examples run as their readers run them: scripts and the notebook, on the default model."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
SAYS = {
    "ten_lines.py": r"\[Question\] What is 48 \* 17\?\n\[Thought\] (.|\n)*\naccepted\n.*Usage\(",
    "steps_as_they_come.py": r"s  action_input \{call\((.|\n)*'look-first'",
    "async_many.py": r"What is the capital of Norway\?(.|\n)*2 \*\* 10\? no answer within(.|\n)*\nanswer\n$",
    "own_tools.py": r"realizable=True(.|\n)*\n\[Answer\] .*\naccepted\n$",
    "own_loop.py": r"'answer' is refused: it would break the rule 'look-first'(.|\n)*the rule 'answer-once-known'"
    r"(.|\n)*may end: True\nlook-first: satisfied\nanswer-once-known: satisfied\n$",
    "four_eyes.py": r"^before an approval: over 100 with probability 0\.(?!0000)\d+ by the model alone, 0\.0000 under "
    r"the guard\n  84\.5: (?!0\.00e)\S+ alone, (?!0\.00e)\S+ under the guard\n(.|\n)*"
    r"  250: (?!0\.00e)\S+ alone, 0\.00e\+00 under the guard\n(.|\n)*"
    r"after it: over 100 with probability 0\.(?!0000)\d+ by the model alone, 0\.(?!0000)\d+ under the guard\n",
    "transformers_generate.py": r"^observation \{ok\((.|\n)*\n\[Answer\] ",
}
"""What each script is to print."""

LONGER = {"async_many.py", "four_eyes.py", "transformers_generate.py"}

RUN_NOTEBOOK = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def run(*command: str, folder: Path) -> str:
    environment = {**os.environ, "AGENTSPEC_TRACE_DIR": str(folder / "traces"), "IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_here() -> None:
    assert {file.name for file in EXAMPLES.iterdir() if file.is_file()} == {*SAYS, "tour.ipynb"}


@pytest.mark.parametrize("name", sorted(SAYS))
def test_each_script_is_short_and_says_how_to_run_it(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    assert len(text.splitlines()) < 60
    assert f"\npython examples/{name}" in str(ast.get_docstring(ast.parse(text)))


def test_the_guard_needs_no_model(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')\n"
        "assert not {'torch', 'transformers', 'llguidance'} & set(sys.modules)"
    )
    said = run("-c", code, str(EXAMPLES / "own_loop.py"), folder=tmp_path)
    assert re.match(SAYS["own_loop.py"], said), said


@pytest.mark.long
@pytest.mark.model
def test_ten_lines_are_a_program(tmp_path: Path) -> None:
    said = run(str(EXAMPLES / "ten_lines.py"), folder=tmp_path)
    assert re.search(SAYS["ten_lines.py"], said), said
    assert list((tmp_path / "traces").iterdir())


@pytest.mark.model
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name in LONGER else [])
        for name in sorted(SAYS.keys() - {"own_loop.py", "ten_lines.py"})
    ],
)
def test_the_script_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, where the model is loaded once for all of them."""
    monkeypatch.setenv("AGENTSPEC_TRACE_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [name])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    said = capsys.readouterr().out
    assert re.search(SAYS[name], said), said


@pytest.mark.long
@pytest.mark.model
def test_the_notebook_runs_and_shows_what_it_promises(tmp_path: Path) -> None:
    committed: Any = nbformat.read(EXAMPLES / "tour.ipynb", as_version=4)
    nbformat.validate(committed)
    assert not [cell for cell in committed.cells if cell.cell_type == "code" and cell.outputs]
    run("-W", "ignore", "-c", RUN_NOTEBOOK, str(EXAMPLES / "tour.ipynb"), "done.ipynb", folder=tmp_path)
    shown = json.loads((tmp_path / "done.ipynb").read_text())
    outputs = [output for cell in shown["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/svg+xml", "text/html", "text/plain"} <= kinds
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    for text in ("not realizable", "never-fail", "'thought' is refused", "answer-once-known: satisfied"):
        assert text in printed
