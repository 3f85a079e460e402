"""What every finished episode must fulfil, from the definitions alone: the guard is never asked.

``check_laws`` raises AssertionError naming the law that is broken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.episode.helped import PROPOSED
from agentspec.episode.trace import StepRecord
from agentspec.logic.semantics import holds
from agentspec.spec.model import Spec
from tests.laws.handled import Doing
from tests.laws.meaning import arguments_of, true_of
from tests.laws.played import Played, Said, letters_of, says_nothing
from tests.laws.quoting import can_quote
from tests.laws.text_laws import (
    check_budget,
    check_contents,
    check_journal,
    check_observations,
    check_rollback,
    check_text,
    check_usage,
)
from tests.laws.values import read_json
from tests.laws.words import WordGame, sign_of
from tests.laws.written import BREAKS, decoded, sources


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
    check_proposals(played)
    check_observations(played)
    check_rollback(played)
    check_usage(played)
    if played.journal is not None:
        check_journal(played)


# The word -----------------------------------------------------------------------------------------------------------


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
    made, written = iter(played.calls), iter([one for one in played.done if one.outcome != "proposed"])
    for record, letter in zip(played.records, letters_of(played), strict=True):
        step = steps[str(letter.step)]
        facts = frozenset(
            name for name in letter.true - {letter.step} if re.match(r"(chosen|call|ok|failed)\(|error$", name)
        )
        assert letter.owner == step["by"], "law: a step has one owner"
        if step["by"] == "tool" and "handler" in step:
            assert (chosen, due) == (None, None), f"law: nothing comes between a tool's name and its answer: {letter}"
            check_handled(record, letter, next(written, None))
            continue
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
    assert next(written, None) is None, "law: what a handler writes is in the trace"
    assert next(made, None) is None, "law: tools run only for calls in the trace"
    assert [call.arguments for call in played.calls] == arguments, "law: a tool gets what the model wrote"


def check_handled(record: StepRecord, letter: Letter, done: Doing | None) -> None:
    """What a handler did at its own step is what the trace tells."""
    assert done is not None, f"law: {letter} was written by a handler"
    assert (done.step, letter.tool, letter.completes_call) == (letter.step, None, False)
    assert ("error" in letter.true) == (done.outcome == "error"), f"law: {letter} tells of {done}"
    assert done.text is None or record.content == done.text, "law: what a handler says is recorded as it is"


def check_proposals(played: Played) -> None:
    """What was written as proposed is what was proposed, and took no forward."""
    proposed = [done for done in played.done if done.outcome == "proposed"]
    for record, letter in zip(played.records, letters_of(played), strict=True):
        if record.detail != PROPOSED:
            continue
        assert record.forced == record.tokens > 0, "law: what was proposed is forced"
        mine = {str(done.text) for done in proposed if done.step == letter.step}
        step = played.spec.document["steps"][letter.step]
        if record.content in mine or decoded(step, record.content).replace("\n", "") in {clean(text) for text in mine}:
            continue
        value = read_json(record.content)
        assert any(_meant(value, text) for text in mine), f"law: {record.content!r} was proposed"


def clean(text: str) -> str:
    """A text without its line ends, of whatever kind."""
    return "".join(BREAKS.split(text))


def _meant(value: Any, text: str) -> bool:
    """Whether a text stands for a value: as JSON, or as the only one of some arguments."""
    try:
        said = [text, json.loads(text)]
    except (ValueError, RecursionError):
        said = [text]
    alone = next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else None
    return plain(value) in said or plain(alone) in said


def plain(value: Any) -> Any:
    """JSON as Python reads it."""
    return json.loads(json.dumps(value, default=float))


def check_predicates(played: Played) -> None:
    """What a letter says of a text is what the text says: declared propositions, and whether anything can be quoted."""
    document, said = played.spec.document, Said(played.spec)
    quoting = {name: sources(step) for name, step in document["steps"].items() if sources(step)}
    for record, letter in zip(played.records, letters_of(played), strict=True):
        name, ok = str(letter.step), not says_nothing(letter.true)
        declared = letter.true & set(document.get("propositions", {}))
        true = true_of(document, name, record.content, letter.tool, ok=ok)
        assert declared == true, f"law: at {letter} {sorted(true)} is true of {record.content!r}"
        said.add(record, letter)
        for step, of in quoting.items():
            if name in of:
                empty = not can_quote(document["steps"][step], said.texts)
                assert (f"empty({step})" in letter.true) == empty, f"law: {letter} after {said.texts}"
