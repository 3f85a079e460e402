"""``agentspec init`` and ``agentspec schema``: what they write is what check, run and editors take."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentspec.errors import InvalidInput
from agentspec.shipped import folder
from agentspec.spec.load import load_text
from agentspec.spec.yaml import YamlFile
from tests.cli.process import ROOT, Place

WRITTEN = ["agentspec.schema.json", "my-agent.examples.txt", "my-agent.yaml"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def files(here: Path) -> list[str]:
    return sorted(file.name for file in here.iterdir())


# init ------------------------------------------------------------------------------------------------------------


def test_init_writes_what_works(place: Place) -> None:
    done = place.agentspec("init")
    assert done.code == 0
    assert files(place.folder) == WRITTEN
    for name in WRITTEN:
        assert f"wrote {name}\n" in done.out
    text = (place.folder / "my-agent.yaml").read_text()
    assert text.split("\n")[0] == "# yaml-language-server: $schema=./agentspec.schema.json"
    assert (place.folder / "agentspec.schema.json").read_text() == place.inside("schema").out
    checked = place.inside("check", "my-agent.yaml")
    assert (checked.code, checked.err) == (0, "")
    assert "my-agent.yaml: guaranteed by construction" in checked.out
    examples = place.inside("validate-prompts", "my-agent.yaml")
    assert examples.out == "my-agent: 2 examples, 14 steps: all valid\n"
    planned = place.inside("run", "my-agent.yaml", "What is 12 * 7?", "--dry-run", AGENTSPEC_MODEL="")
    assert planned.code == 0
    ran = place.inside("run", "my-agent.yaml", "What is 12 * 7?", "--json", toy=True)
    assert ran.shape["status"] == "accepted"
    assert [verdict["rule"] for verdict in ran.shape["verdicts"]] == ["look-first"]


def test_the_commands_it_tells_work_when_pasted(place: Place) -> None:
    """In a folder with blanks and quotes, on the command line and in the file's own comments."""
    done = place.inside("init", "my 'first' agents/one", "--name", "on")
    assert done.code == 0
    assert files(place.folder / "my 'first' agents" / "one") == ["agentspec.schema.json", "on.examples.txt", "on.yaml"]
    told = re.search(r"Next: (agentspec check .*?)   or   (agentspec run .*)", done.out)
    assert told
    checked = place.shell(told[1])
    assert checked.code == 0, checked
    assert place.shell(f"{told[2]} --dry-run").code == 0


def test_init_leaves_other_files_alone(place: Place) -> None:
    for name in ("README.md", "my-agent.py", "other.yaml"):
        place.write(name, "mine")
    assert place.inside("init").code == 0
    assert files(place.folder) == sorted([*WRITTEN, "README.md", "my-agent.py", "other.yaml"])
    assert (place.folder / "other.yaml").read_text() == "mine"


def test_init_twice(place: Place) -> None:
    assert place.inside("init").code == 0
    before = {name: (place.folder / name).read_bytes() for name in WRITTEN}
    assert place.inside("init").code == 0
    assert place.inside("init", "--name", "second").code == 0
    assert {name: (place.folder / name).read_bytes() for name in WRITTEN} == before
    place.write("my-agent.yaml", "changed")
    again = place.inside("init")
    assert again.code == 2
    assert "my-agent.yaml exists already" in again.err
    assert (place.folder / "my-agent.yaml").read_text() == "changed"


@pytest.mark.parametrize("taken", WRITTEN)
def test_init_overwrites_nothing_and_writes_nothing_else(place: Place, taken: str) -> None:
    place.write(taken, b"\xff not even UTF-8")
    done = place.inside("init")
    assert done.code == 2
    assert taken in done.err
    assert ("agentspec schema -o" in done.err) == taken.endswith(".json")
    assert files(place.folder) == [taken]


@pytest.mark.parametrize("name", ["my agent", "1st", "true", "", "../up", "a/b", "é", "'a", "a: b", "-", "x" * 61])
def test_init_says_what_a_name_may_be(place: Place, name: str) -> None:
    done = place.inside("init", f"--name={name}")
    assert done.code == 2
    assert "name" in done.err
    assert ".yaml:" not in done.err
    assert files(place.folder) == []


@pytest.mark.parametrize("where", ["/proc/nowhere", "a-file", "a-file/below", "/dev/null/x"])
def test_init_where_nothing_can_be_written(place: Place, where: str) -> None:
    place.write("a-file", "mine")
    done = place.inside("init", where)
    assert done.code == 2
    assert f"error: {where} cannot be written: " in done.err
    assert files(place.folder) == ["a-file"]
    assert (place.folder / "a-file").read_text() == "mine"


def test_init_in_a_folder_that_may_only_be_read(place: Place) -> None:
    locked = place.folder / "locked"
    locked.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "ro,size=4k", "none", str(locked)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        if not mounted:
            locked.chmod(0o500)
        try:
            (locked / "probe").touch()
        except OSError:
            done = place.inside("init", "locked")
            assert done.code == 2
            assert "locked cannot be written: " in done.err
            assert files(locked) == []
        else:
            pytest.skip("this user may write everywhere")
    finally:
        if mounted:
            subprocess.run(["umount", str(locked)], check=True)


# schema ----------------------------------------------------------------------------------------------------------

SCHEMA: dict[str, Any] = json.loads((folder("specs") / "agentspec.schema.json").read_text(encoding="utf-8"))
YAML_FILES = sorted([*(ROOT / "agents").glob("*.yaml"), *(ROOT / "specs").glob("*.yaml")])
BLOCKS = [
    pytest.param(block, id=f"{document.name}-{i}")
    for document in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    for i, block in enumerate(re.findall(r"```yaml\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL))
]
EVERYTHING = """\
version: 1
name: everything
description: All keys there are.
semantics: finite
steps:
  question: {by: user, cue: "[Q]"}
  note: {by: model, cue: "[N]", text: {min_chars: 1, max_chars: 9, max_lines: 2}}
  mood: {by: model, cue: "[M]", choice: [yes, no], sampling: {
    temperature: 0.5, top_k: 9, top_p: 0.9, min_p: 0.1, repetition_penalty: 1.1}}
  code: {by: model, cue: "[C]", regex: {pattern: "[a-z]+", max_chars: 9}}
  short: {by: model, cue: "[CC]", regex: "[a-z]+"}
  record: {by: model, cue: "[R]", json_schema: {type: object, properties: {n: {type: integer}}}, json_options: {
    mode: strict, max_chars: 9, max_items: 2, max_digits: 3, max_extra: 1, depth: 1, whitespace: one-space}}
  action: {by: model, cue: "[Do]", tool: name}
  input: {by: model, cue: "[In]", tool: arguments}
  seen: {by: tool, cue: "[See]", max_tokens: 50}
  voted: {by: tool, cue: "[V]", hidden: true, handler: {name: vote, agents: cot, with: {samples: 2}}}
  quote: {by: model, cue: "[Say]", span: {of: [seen], max_chars: 20}}
  line: {by: model, cue: "[F]", format: {template: "{n:number}", repeat: "1..2", separator: "; "}}
  think: {by: model, cue: "<t>", free: {until: "</t>", max_chars: 20}}
  answer: {by: model, cue: "[A]", text: {}}
parts: {look: action input seen}
behavior: question voted (note | mood | code | short | record | line | think | look quote?){0,2} answer
propositions:
  yes: {at: mood, matches: yes}
  has: {at: [note, answer], contains: a, description: an a}
  big: {at: input, tool: calculator, where: {expression: {const: "1"}}}
  kind: {at: note, python: ./checks.py:is_kind}
rules:
  - {id: r, ltl: "F answer", description: in the end, enforce: warn}
  - {id: s, template: response, params: {a: note, b: answer}, view: [note, answer]}
  - {id: t, deny: "call(x)", when: yes, unless: has, for: {x: tools}}
  - {id: u, require: note, before: mood}
  - {id: v, require: answer, after: note}
  - {id: w, ltl: "G !error", assume: true}
  - {id: x, unique: call(calculator)}
  - {id: y, verbatim: args.expression, of: [question, seen], which: last, min_words: 1,
     max_chars: 20, when: call(calculator)}
model: smollm2-135m
instructions: Go on.
rendering: {style: text, prefill: "[N]"}
tools: [calculator]
limits: {max_tokens: 9000, max_steps: 10, max_tool_calls: 2, timeout: 1.5, patience: 2}
"""


def plain(text: str) -> dict[str, Any]:
    return YamlFile(text, "<text>").root


def test_the_schema_is_one_and_is_shipped(place: Place) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    done = place.agentspec("schema")
    assert done.code == 0
    assert done.out == (folder("specs") / "agentspec.schema.json").read_text(encoding="utf-8")
    written = place.inside("schema", "--output", "here.json")
    assert written.code == 0
    assert (place.folder / "here.json").read_text() == done.out
    nowhere = place.inside("schema", "--output", "nowhere/here.json")
    assert nowhere.code == 2
    assert "nowhere/here.json cannot be written: " in nowhere.err


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_shipped_file_refers_to_it_and_fulfils_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    first = text.split("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (file.parent / first.split("=", 1)[1]).resolve() == ROOT / "specs" / "agentspec.schema.json"
    jsonschema.validate(plain(text), SCHEMA)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_of_the_docs_fulfils_it(block: str) -> None:
    jsonschema.validate(plain(block), SCHEMA)


def test_all_keys_fulfil_it() -> None:
    jsonschema.validate(plain(EVERYTHING), SCHEMA)
    load_text(EVERYTHING)
    named = set(re.findall(r"(\w+):", EVERYTHING))
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        assert set(part["properties"]) <= named | {"extends", "spec", "examples", "file", "pick", "bare"}


GONE = object()
NOTE, RULE, LIMITS = ("steps", "note"), ("rules", 0), ("limits",)
MUTATIONS: list[tuple[tuple[Any, ...], Any]] = [
    # unknown keys at each level
    (("behaviour",), "a"), ((*NOTE, "choise"), []), ((*NOTE, "text", "max_char"), 1),
    (("steps", "code", "regex", "flags"), "i"), (("steps", "quote", "span", "from"), "seen"),
    (("steps", "line", "format", "times"), 1), (("steps", "think", "free", "to"), "a"),
    (("propositions", "yes", "match"), "a"), ((*RULE, "formula"), "a"), ((*LIMITS, "max_token"), 1),
    (("rendering", "prefix"), "a"),
    # missing keys
    (("version",), GONE), (("name",), GONE), ((*NOTE, "by"), GONE), ((*NOTE, "cue"), GONE), ((*RULE, "id"), GONE),
    ((*RULE, "ltl"), GONE), (("propositions", "yes", "at"), GONE), (("steps", "code", "regex", "pattern"), GONE),
    (("steps", "quote", "span", "of"), GONE), (("steps", "line", "format", "template"), GONE),
    (("steps", "think", "free", "until"), GONE),
    # wrong types
    (("version",), "1"), (("name",), 7), (("name",), None), (("description",), []), (("steps",), ["a"]), (NOTE, "text"),
    ((*NOTE, "cue"), 3), ((*NOTE, "text"), "long"), ((*NOTE, "text", "max_chars"), "9"),
    ((*NOTE, "text", "max_chars"), 9.5), (("steps", "mood", "choice"), "yes"), (("steps", "mood", "choice"), [1, 2]),
    (("steps", "code", "regex"), 5), (("steps", "record", "json_schema"), "object"),
    (("steps", "seen", "max_tokens"), "50"), (("behavior",), ["question"]), (("rules",), {"r": "F a"}), (RULE, "F a"),
    ((*RULE, "ltl"), True), (("propositions",), ["yes"]), (("propositions", "yes", "at"), 1),
    (("propositions", "big", "where"), "amount > 1"), (("model",), ["a"]), (("instructions",), 1), (("tools",), "a"),
    (("tools",), [{"name": "a"}]), (LIMITS, 9), ((*LIMITS, "timeout"), "1s"), (("rendering",), 1),
    # wrong values
    (("version",), 2), (("name",), "two words"), (("name",), "x" * 61), (("semantics",), "endless"),
    ((*NOTE, "by"), "mdoel"), ((*NOTE, "cue"), ""), ((*NOTE, "cue"), "[" * 61), ((*NOTE, "text", "max_chars"), 0),
    ((*NOTE, "text", "max_lines"), 501), (("steps", "mood", "choice"), []), (("steps", "action", "tool"), "result"),
    (("steps", "seen", "max_tokens"), 1), (("steps", "line", "format", "repeat"), "1-2"),
    (("steps", "quote", "span", "of"), []), (("steps", "two words"), {"by": "model", "cue": "[X]", "text": {}}),
    (("propositions", "1st"), {"at": "mood", "matches": "a"}), ((*RULE, "enforce"), "maybe"), ((*RULE, "id"), "r 1"),
    ((*RULE, "deny"), "a"), ((*RULE, "for"), {"x": "tool"}), ((*RULE, "view"), []), ((*RULE, "assume"), "yes"),
    ((*RULE, "params"), []), (("parts",), ["a"]), (("parts", "two words"), "a"), ((*LIMITS, "patience"), -1),
    ((*LIMITS, "max_tokens"), 0), ((*LIMITS, "max_tool_calls"), -1), ((*LIMITS, "timeout"), 0),
    (("rendering", "style"), "prose"), (("rendering",), "prose"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"),
    MUTATIONS,
    ids=[f"{'.'.join(map(str, path))}={'(none)' if value is GONE else value}"[:60] for path, value in MUTATIONS],
)
def test_editor_and_loader_refuse_the_same(path: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(plain(EVERYTHING))
    part: Any = changed
    for key in path[:-1]:
        part = part[key]
    if value is GONE:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(changed)
    with pytest.raises(InvalidInput, match=r"<spec>:\d+:\d+: "):
        load_text(json.dumps(changed, indent=1))
