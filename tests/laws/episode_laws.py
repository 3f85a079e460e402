"""What every finished episode must fulfil, from the definitions alone: the guard is never asked.

``play`` runs one episode on the toy engine; ``check_laws`` raises AssertionError naming the law that is broken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.decoding.sample import Sampler
from agentspec.episode.episode import Episode
from agentspec.episode.journal import Journal
from agentspec.episode.trace import Result, StepRecord
from agentspec.guard.budget import Budget
from agentspec.logic.semantics import holds
from agentspec.spec.load import load_text
from agentspec.spec.model import Spec
from tests.laws.meaning import (
    BREAKS,
    arguments_of,
    can_quote,
    decoded,
    fault,
    options,
    read_json,
    sources,
    true_of,
)
from tests.laws.specs import Call, RandomSpec
from tests.laws.toy import ToyEngine, ToySource, toy_tokenizer
from tests.laws.words import WordGame, sign_of

CUT = " …[cut]"
"""What is cut is seen to be cut by this mark."""


@dataclass
class Played:
    """A finished episode with all there is to judge it by."""

    spec: RandomSpec
    compiled: Compiled
    records: list[StepRecord]
    result: Result
    source: ToySource | None
    calls: list[Call]
    asked: Budget
    window: int
    task: str
    journal: Path | None


def compiled_of(random_spec: RandomSpec) -> Compiled:
    """The compiled agent of a random spec. Raises what ``load_text`` and ``compile_agent`` raise."""
    return compile_agent(load_text(random_spec.text), random_spec.schemas)


def play(
    random_spec: RandomSpec,
    compiled: Compiled,
    *,
    seed: int = 0,
    will: str = "random",
    budget: Budget | None = None,
    temperature: float = 0.0,
    window: int = 10**6,
    task: str = "Why?\n[Answer] 42",
    folder: Path | None = None,
) -> Played:
    """Run one episode to its end. With a ``folder`` it keeps a journal there."""
    engine = ToyEngine(seed, will, window)
    tools, calls = random_spec.tools()
    journal = Journal("toy", folder) if folder else None
    sampler = Sampler(temperature, seed)
    episode = Episode(compiled, engine, tools, task, sampler, journal, budget)
    if journal is None:
        records = list(episode.steps())
    else:
        with journal:
            records = list(episode.steps())
    assert episode.result is not None, "law: an episode has a result"
    assert len(engine.sources) <= 1, "law: one text an episode"
    source = engine.sources[0] if engine.sources else None
    path = journal.path if journal else None
    return Played(random_spec, compiled, records, episode.result, source, calls, episode.asked, window, task, path)


def check_laws(played: Played) -> None:
    """Every law that a started episode must fulfil."""
    check_status(played)
    if played.result.status == "accepted":
        check_behavior(played)
        check_rules(played)
    check_calls(played)
    check_budget(played)
    check_text(played)
    check_contents(played)
    check_predicates(played)
    check_observations(played)
    check_rollback(played)
    check_usage(played)
    if played.journal is not None:
        check_journal(played)


# The word -----------------------------------------------------------------------------------------------------------


def letters_of(played: Played) -> list[Letter]:
    letters = [record.letter for record in played.records]
    assert all(letter is not None for letter in letters), "law: every record is a step"
    return [letter for letter in letters if letter is not None]


def check_status(played: Played) -> None:
    result = played.result
    assert result.guarantee == "full"
    if result.status == "pending":
        check_pending(played)
        return
    assert result.status == "accepted", f"law: always finished, not {result.status}: {result.reason}"
    assert result.exit_code == 0
    steps = played.spec.document["steps"]
    mine = [(a, record.content) for record in played.records if (a := record.letter) and a.owner == Owner.MODEL]
    said = [decoded(steps[letter.step], content) for letter, content in mine if letter.tool is None]
    assert result.answer == (said[-1] if said else None), "law: the answer is the last the model said itself"


def check_pending(played: Played) -> None:
    """Only a user who does not write leaves an episode unfinished."""
    game = WordGame(played.spec, played.compiled)
    word = tuple(sign_of(game, letter.true) for letter in letters_of(played))
    assert {letter.owner for letter in game.possible(word)} == {Owner.USER}, f"law: {word} waits for the user"
    assert not game.good(word), f"law: {word} is finished, not pending"


def behavior_accepts(spec: Spec, names: Sequence[str]) -> bool:
    """The oracle: the behavior as the author wrote it, read by Python's ``re`` with one character a step."""
    sign = {name: chr(0x4E00 + i) for i, name in enumerate(spec.steps)}
    pattern = re.sub(r"[A-Za-z_][A-Za-z0-9_-]*", lambda match: sign[match[0]], spec.behavior_text)
    pattern = pattern.replace(" ", "").replace("(", "(?:")
    return re.fullmatch(pattern, "".join(sign[name] for name in names)) is not None


def check_behavior(played: Played) -> None:
    names = [str(letter.step) for letter in letters_of(played)]
    assert behavior_accepts(played.compiled.agent.spec, names), f"law: the behavior accepts {' '.join(names)}"


def check_rules(played: Played) -> None:
    word = [letter.true for letter in letters_of(played)]
    found = {verdict.rule: verdict for verdict in played.result.verdicts}
    for rule in played.compiled.agent.spec.rules:
        truth = holds(rule.formula, word)
        if rule.enforce == "block":
            assert truth, f"law: the rule {rule.text!r} holds on {list(map(sorted, word))}"
        if rule.enforce != "off":
            assert found[rule.id].verdict == ("satisfied" if truth else "violated"), f"law: verdict of {rule.text!r}"
            at = found[rule.id].position
            assert at is not None
            assert 0 <= at < len(word)
        else:
            assert rule.id not in found


def check_calls(played: Played) -> None:
    """What is true at a letter is what happened; a call is answered at once, and by what was called."""
    steps, chosen, due, arguments = played.spec.document["steps"], None, None, []
    made = iter(played.calls)
    for record, letter in zip(played.records, letters_of(played), strict=True):
        step = steps[str(letter.step)]
        facts = frozenset(
            name for name in letter.true - {letter.step} if re.match(r"(chosen|call|ok|failed)\(|error$", name)
        )
        assert letter.owner == step["by"], "law: a step has one owner"
        assert (due is not None) == (step["by"] == "tool"), f"law: calls are answered at once: {letter} after {due}"
        kind = step.get("tool")
        if step["by"] == "tool":
            call = next(made, None)
            assert call is not None, f"law: {letter} answers a call that was made"
            happened = {"ok": {f"ok({due})"}, "failed": {f"failed({due})"}, "error": {f"failed({due})", "error"}}
            assert call.tool == letter.tool == due, "law: a call is answered by its own tool"
            assert facts == happened[call.outcome], f"law: {letter} tells of {call}"
            assert call.text is None or record.content == call.text, "law: a result is recorded as it is"
            chosen, due = None, None
        elif kind in ("name", "call"):
            assert chosen is None, "law: one call at a time"
            chosen = record.content if kind == "name" else read_json(record.content)["name"]
            assert facts == {f"chosen({chosen})", *([f"call({chosen})"] if kind == "call" else [])}, f"law: {letter}"
        elif kind == "arguments":
            assert facts == {f"call({chosen})"}, f"law: {letter} completes the call of {chosen}"
        else:
            assert not facts
        if kind in ("arguments", "call"):
            due = chosen
            arguments.append(plain(arguments_of(step, record.content)))
        assert letter.completes_call == (kind in ("arguments", "call"))
    assert due is None, "law: no episode ends on an unanswered call"
    assert next(made, None) is None, "law: tools run only for calls in the trace"
    assert [call.arguments for call in played.calls] == arguments, "law: a tool gets what the model wrote"


def plain(value: Any) -> Any:
    """JSON as Python reads it."""
    return json.loads(json.dumps(value, default=float))


def check_predicates(played: Played) -> None:
    """What a letter says of a text is what the text says: declared propositions, and whether anything can be quoted."""
    document, said = played.spec.document, Said(played.spec)
    quoting = {name: sources(step) for name, step in document["steps"].items() if sources(step)}
    for record, letter in zip(played.records, letters_of(played), strict=True):
        name, ok = str(letter.step), not any(fact.startswith("failed(") for fact in letter.true)
        declared = letter.true & set(document.get("propositions", {}))
        true = true_of(document, name, record.content, letter.tool, ok=ok)
        assert declared == true, f"law: at {letter} {sorted(true)} is true of {record.content!r}"
        said.add(record, letter)
        for step, of in quoting.items():
            if name in of:
                empty = not can_quote(document["steps"][step], said.texts)
                assert (f"empty({step})" in letter.true) == empty, f"law: {letter} after {said.texts}"


class Said:
    """What tools and users have said so far by step, as it was shown; what failed says nothing."""

    def __init__(self, spec: RandomSpec) -> None:
        self._steps = spec.document["steps"]
        self.texts: dict[str, list[str]] = {}

    def add(self, record: StepRecord, letter: Letter) -> None:
        if self._steps[letter.step]["by"] == "model" or any(fact.startswith("failed(") for fact in letter.true):
            return
        shown = record.shown if record.shown == record.content else record.shown.removesuffix(CUT)
        self.texts.setdefault(str(letter.step), []).append(shown)


# Text and tokens ----------------------------------------------------------------------------------------------------


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
    tokenizer, spec = toy_tokenizer(), played.compiled.agent.spec
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
    whole = b"".join(map(toy_tokenizer().data, chunks)).decode()
    cues = [step.cue for step in spec.steps.values()]
    begun = [row for row in BREAKS.split(whole) if any(row.startswith(cue) for cue in cues)]
    expected = [spec.steps[str(letter.step)].cue for letter in letters_of(played)[1:]]
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
    tools = [letter for letter in letters_of(played) if letter.owner == Owner.TOOL]
    for letter, tokens in zip(tools, parts_of(played).tool, strict=True):
        step = spec.steps[str(letter.step)]
        most = step.max_tokens + len(toy_tokenizer()(f"{step.cue} ")) + 1
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


def told(played: Played) -> list[Any]:
    """What must be the same when an episode is played again: everything but the time it took."""
    records = [
        (r.index, r.letter, r.content, r.shown, r.value, r.tokens, r.forced, r.guard_state) for r in played.records
    ]
    result = played.result.to_json()
    result["usage"].pop("seconds")
    result.pop("trace_path")
    return [records, result, played.source.appended if played.source else None]
