"""docs/replay.md: its policy, its log and its commands do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.process import Place

PAGE = Path(__file__).parent.parent / "docs" / "replay.md"


def test_the_page_is_what_happens(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    place = Place(tmp_path)
    (place.folder / "logs").mkdir()
    for kind, name in (("yaml", "refunds.yaml"), ("json", "logs/monday.json")):
        place.write(name, next(body for found, body in blocks if found == kind))
    told = [body for kind, body in blocks if kind == "console"]
    assert len(told) == 2
    for body in told:
        command, _, output = body.partition("\n")
        done = place.inside(*command.removeprefix("$ agentspec ").split())
        assert done.code == 1
        assert [line.rstrip() for line in done.out.splitlines()] == output.splitlines()
