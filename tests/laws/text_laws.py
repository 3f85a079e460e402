"""Laws of the text and its tokens: it is the trace, within its budget, every content what its step may hold."""

from __future__ import annotations

import json
from dataclasses import dataclass

from agentspec.automata.letter import Owner
from agentspec.spec.model import Spec
from tests.laws.meaning import fault
from tests.laws.played import CUT, Played, Said, letters_of
from tests.laws.written import BREAKS, options


def line(spec: Spec, step: str, content: str) -> str:
    """A step as it stands in the text; later lines of what tools and users say are indented."""
    if spec.steps[step].owner == Owner.MODEL:
        return f"{spec.steps[step].cue} {content}\n"
    lines = BREAKS.split(content)
    if lines[-1] == "" and len(lines) > 1:
        lines.pop()
    return f"{spec.steps[step].cue} " + "\n  ".join(lines) + "\n"


@dataclass(frozen=True)
class Parts:
    """The tokens appended to the source, by who wrote them: ``model`` and ``tool`` hold one list a run of steps."""

    model: list[list[int]]
    tool: list[list[int]]
    ended: bool


def parts_of(played: Played) -> Parts:
    """Check that the text is the trace, line by line, and take it apart. The end token may stand last only."""
    assert played.source is not None
    tokenizer, spec = played.source.tokenizer, played.compiled.agent.spec
    chunks = list(played.source.appended)
    ended = bool(chunks) and chunks[-1] == [tokenizer.eos_token_id]
    if ended:
        chunks.pop()
    at, run, model, tool = 0, "", [], []
    steps = [*played.records[1:], None]
    for record in steps:
        if record is not None and record.letter is not None and record.letter.owner == Owner.MODEL:
            run += line(spec, str(record.letter.step), record.content)
            continue
        written: list[int] = []
        while at < len(chunks) and len(tokenizer.data(written)) < len(run.encode()):
            written += chunks[at]
            at += 1
        assert tokenizer.data(written) == run.encode(), (
            f"law: the text {tokenizer.data(written)!r} is the trace {run!r}"
        )
        model.append(written)
        run = ""
        if record is not None:
            assert record.letter is not None
            if spec.steps[str(record.letter.step)].hidden:
                tool.append([])
                continue
            assert at < len(chunks), "law: an observation is shown to the model"
            text = line(spec, str(record.letter.step), record.shown)
            assert tokenizer.data(chunks[at]) == text.encode(), f"law: {record.shown!r} is shown framed"
            tool.append(chunks[at])
            at += 1
    assert at == len(chunks), f"law: nothing is emitted behind the last step: {chunks[at:]}"
    return Parts(model, tool, ended)


def check_text(played: Played) -> None:
    spec = played.compiled.agent.spec
    parts = parts_of(played)
    assert played.source is not None
    chunks = played.source.appended[: len(played.source.appended) - parts.ended]
    whole = b"".join(map(played.source.tokenizer.data, chunks)).decode()
    cues = [step.cue for step in spec.steps.values()]
    begun = [row for row in BREAKS.split(whole) if any(row.startswith(cue) for cue in cues)]
    steps = [spec.steps[str(letter.step)] for letter in letters_of(played)[1:]]
    expected = [step.cue for step in steps if not step.hidden]
    assert len(begun) == len(expected), f"law: no line but a step's begins with a cue: {whole!r}"
    assert all(row.startswith(cue) for row, cue in zip(begun, expected, strict=True))
    assert not whole or whole.endswith("\n"), "law: every step ends with its border"


def check_budget(played: Played) -> None:
    parts, letters, asked = parts_of(played), letters_of(played), played.asked
    used = emitted(played, parts)
    assert used <= asked.tokens, f"law: {used} tokens are within {asked}"
    assert len(letters) <= asked.steps, f"law: {len(letters)} steps are within {asked}"
    assert sum(letter.completes_call for letter in letters) <= asked.calls, f"law: calls are within {asked}"
    assert played.source is not None
    assert played.source.length <= played.window, "law: the text fits the model's window"


def emitted(played: Played, parts: Parts) -> int:
    """The tokens the model has emitted: those that stand, its last end, and the ends of lines that were taken back."""
    assert played.source is not None
    return sum(map(len, parts.model)) + parts.ended + played.source.taken


def check_rollback(played: Played) -> None:
    """Only the end token behind a step that may have several lines is taken back."""
    assert played.source is not None
    steps = played.spec.document["steps"]
    several = sum(
        options(steps[letter.step]).get("max_lines", 1) > 1 or "free" in steps[letter.step]
        for letter in letters_of(played)
    )
    assert played.source.taken <= several, "law: an end is taken back behind a step of several lines only"


def check_contents(played: Played) -> None:
    """Every text of the model's is a content of its step, quotations of what was shown before it."""
    steps, schemas, said = played.spec.document["steps"], played.spec.schemas, Said(played.spec)
    cues = [step["cue"] for step in steps.values()]
    for record, letter in zip(played.records, letters_of(played), strict=True):
        step = steps[letter.step]
        if step["by"] == "model":
            schema = schemas[letter.tool].parameters if letter.tool else None
            problem = fault(step, record.content, cues=cues, said=said.texts, tool=letter.tool, schema=schema)
            assert problem is None, f"law: {record.content!r} at {letter} {problem}"
        said.add(record, letter)


def check_observations(played: Played) -> None:
    spec = played.compiled.agent.spec
    for record, letter in zip(played.records, letters_of(played), strict=True):
        if letter.owner != Owner.TOOL:
            continue
        step = spec.steps[str(letter.step)]
        if record.shown != record.content:
            kept = record.shown.removesuffix(CUT)
            assert kept != record.shown, "law: what is cut is seen to be cut"
            assert record.content.startswith(kept)
    assert played.source is not None
    tools = [letter for letter in letters_of(played) if letter.owner == Owner.TOOL]
    for letter, tokens in zip(tools, parts_of(played).tool, strict=True):
        step = spec.steps[str(letter.step)]
        most = step.max_tokens + len(played.source.tokenizer(f"{step.cue} ")) + 1
        assert len(tokens) <= most, f"law: an observation is at most {step.max_tokens} tokens beside its cue"


def check_usage(played: Played) -> None:
    usage, parts, letters = played.result.usage, parts_of(played), letters_of(played)
    assert played.source is not None
    written = emitted(played, parts)
    assert usage.prompt_tokens == played.source.prompt
    assert usage.tokens == written, f"law: {usage.tokens} tokens reported, {written} emitted"
    assert usage.model_calls == played.source.asked, "law: forwards are counted"
    assert usage.forced_tokens == written - usage.model_calls, "law: a token is forced or drawn"
    assert usage.steps == len(letters)
    assert usage.tool_calls == len(played.calls) == sum(letter.completes_call for letter in letters)
    assert sum(record.tokens for record in played.records) == written - parts.ended, "law: tokens of the steps add up"
    assert sum(record.forced for record in played.records) == usage.forced_tokens
    assert [record.index for record in played.records] == list(range(len(letters)))
    for record in played.records:
        assert 0 <= record.forced <= record.tokens


def check_journal(played: Played) -> None:
    assert played.journal is not None
    head, *steps, tail = [json.loads(row) for row in played.journal.read_text("utf-8").split("\n")[:-1]]
    assert head["type"] == "episode"
    assert head["spec_sha256"] == played.compiled.agent.spec.digest
    assert head["budget"]["tokens"] <= played.asked.tokens
    assert steps == [json.loads(json.dumps(record.to_json())) for record in played.records]
    for written, record, letter in zip(steps, played.records, letters_of(played), strict=True):
        assert written["type"] == "step"
        assert (written["step"], written["owner"], written["tool"]) == (letter.step, letter.owner, letter.tool)
        assert (set(written["true"]), written["content"]) == (letter.true, record.content)
        assert written.get("shown", record.content) == record.shown
    assert tail == {"type": "result", **json.loads(json.dumps(played.result.to_json()))}
