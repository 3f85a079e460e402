"""Each shipped agent under its guard on SmolLM2, from the command line.

python -m pytest -m long tests/test_agents_model.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agentspec.logic.semantics import holds
from agentspec.shipped import folder
from agentspec.spec.load import load
from tests.cli.process import Place

TASKS = {
    "clerk": "Please pay order A18.",
    "extract-json": "Acme sends an invoice of 120 EUR, due at once.",
    "support": "My lamp is broken.",
    "chat-tools": "What is 12 * 31?",
    "plan-approve": "Work out 12 * 31.",
    "reflexion-checked": "Fill the gap: 9 * ? = 63",
    "summarise": "Statements: 1. 288 Context: How many pens are there? Goal: Multiply.",
}
AGENTS = sorted(file.stem for file in folder("agents").glob("*.yaml"))


@pytest.mark.long
@pytest.mark.parametrize("name", AGENTS)
def test_it_runs_under_its_guard(name: str, tmp_path: Path) -> None:
    place = Place(tmp_path)
    done = place.inside(
        "run",
        name,
        TASKS.get(name, "What is 23 * 19?"),
        "--json",
        "--seed",
        "1",
        AGENTSPEC_MODEL="smollm2-135m",
    )
    spec = load(name).spec
    assert done.shape["status"] == ("pending" if spec.semantics == "infinite" else "accepted"), done
    assert done.shape["guarantee"] == "full"
    steps = [record for record in place.trace() if record["type"] == "step"]
    word = [frozenset(record["true"]) for record in steps]
    if spec.semantics == "finite":
        broken = [
            r.id for r in spec.rules if r.history is None and not r.each and not r.view and not holds(r.formula, word)
        ]
        assert broken == []
