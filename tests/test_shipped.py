"""Everything shipped, and every block in the docs, passes `check` without a warning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentspec.checking.check import check
from agentspec.checking.compile import compile_agent
from agentspec.episode.transcript import read_examples
from agentspec.shipped import folder
from agentspec.spec.load import load, load_text

ROOT = Path(__file__).parent.parent
SHIPPED = sorted([*folder("agents").glob("*.yaml"), *folder("specs").glob("*.yaml")])
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCKS = [
    pytest.param(block, id=f"{document.name}-{i}")
    for document in DOCUMENTS
    for i, block in enumerate(re.findall(r"```yaml\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_shipped_files_are_fine(file: Path) -> None:
    compiled = compile_agent(load(str(file)))
    report = check(compiled)
    assert report.fine, report
    read_examples(compiled)


@pytest.mark.parametrize("block", BLOCKS)
def test_yaml_in_the_docs_is_fine(block: str) -> None:
    assert check(compile_agent(load_text(block))).fine


def test_there_are_blocks_and_files() -> None:
    assert BLOCKS
    assert {file.stem for file in SHIPPED} >= {"react", "react-zero"}
