"""Verdicts for recorded traces: each rule on each trace, with the place that decided it.

The rules' automata run side by side, and what a letter does to all of them together is looked up once it is known, so a
message costs one look-up however many rules there are. Where a log has ended, its end decides what is left (the finite
meaning); a log that goes on, breaks off or cannot be read further keeps rules ``undecided``. A verdict before the end
is one that no continuation changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from agentspec.automata.letter import Letter
from agentspec.episode.replay_journal import read_journal
from agentspec.episode.replay_letters import Lettering, Positions
from agentspec.episode.replay_messages import Failure, Messages, Unreadable, looks_failed
from agentspec.episode.replay_policy import AnyMonitor, Policy, monitor_of
from agentspec.episode.replay_read import Kind, Problem, Recorded
from agentspec.logic.truth import truth
from agentspec.spec.model import Rule
from agentspec.spec.rule import sees

KNOWN = 200_000
"""What is remembered of letters and states together, before it is forgotten."""

_LOST, _FIRM = -10, -11
Word = Literal["satisfied", "violated", "undecided"]


class Decision(NamedTuple):
    """What became of a rule on a word, the position that decided it, and whether it took the end of the word."""

    verdict: Word
    position: int | None
    at_end: bool


@dataclass(frozen=True)
class RuleVerdict:
    """A decision with its place in a trace: the step, the item (message or record) it stands in, that item's line."""

    rule: str
    enforce: str
    verdict: Word
    position: int | None = None
    item: int | None = None
    line: int | None = None
    at_end: bool = False

    def to_json(self, kind: Kind) -> dict[str, Any]:
        """One entry of ``verdicts``."""
        where = {"position": self.position, "message" if kind == "messages" else "record": self.item, "line": self.line}
        return {"rule": self.rule, "enforce": self.enforce, "verdict": self.verdict, **where, "at_end": self.at_end}


@dataclass(frozen=True)
class TraceReport:
    """What one trace came to. ``notes`` and ``problem`` say what was odd in it, and why it goes no further."""

    recorded: Recorded
    steps: int
    ended: bool
    verdicts: tuple[RuleVerdict, ...]
    not_judged: tuple[tuple[str, str], ...]
    notes: tuple[tuple[int, str], ...]
    positions: Positions = field(repr=False)

    @property
    def problem(self) -> Problem | None:
        """Why the trace goes no further."""
        return self.recorded.problem

    def to_json(self) -> dict[str, Any]:
        """One entry of ``traces``, one line of ``--jsonl``."""
        recorded, problem = self.recorded, self.problem
        return {
            "file": recorded.file,
            "line": recorded.line,
            **({"id": recorded.name} if recorded.name is not None else {}),
            "format": recorded.kind,
            "messages" if recorded.kind == "messages" else "records": len(recorded.items),
            "steps": self.steps,
            "ended": self.ended,
            "verdicts": [verdict.to_json(recorded.kind) for verdict in self.verdicts],
            **({"not_judged": dict(self.not_judged)} if self.not_judged else {}),
            "notes": [
                {"item": item, "line": recorded.places.line(item), "note": what} for item, what in self.notes
            ],
            "problem": None
            if problem is None
            else {
                "line": problem.line,
                "column": problem.column,
                "message": problem.message,
                "lines_not_read": recorded.skipped,
            },
        }  # fmt: skip


class _Node:
    """The states of all rules together; ``decided`` are those that became sure by coming here."""

    __slots__ = ("after", "decided", "states")

    def __init__(self, states: tuple[int, ...], decided: tuple[tuple[int, Word], ...]) -> None:
        self.states, self.decided = states, decided
        self.after: dict[int, tuple[_Node, Letter]] = {}  # by id, which is that letter's as long as it is kept


class Judge:
    """Rules run over words of letters. A rule whose automaton is too large is decided at the end, by definition."""

    def __init__(self, rules: Sequence[tuple[Rule, AnyMonitor | None]]) -> None:
        self.rules = tuple(rules)
        self._forget()

    def _forget(self) -> None:
        self._nodes: dict[tuple[tuple[int, ...], tuple[tuple[int, Word], ...]], _Node] = {}
        self._size = 0
        self._start = _Node(tuple(monitor.initial if monitor else 0 for _, monitor in self.rules), ())

    def decide(self, word: Sequence[Letter], *, ended: bool) -> list[Decision]:
        """What becomes of each rule on a word; where it has not ended, what its continuations leave open is."""
        if self._size > KNOWN:
            self._forget()
        node = self._start
        sure: dict[int, Decision] = {}
        for position, letter in enumerate(word):
            try:
                node = node.after[id(letter)][0]
            except KeyError:
                node = self._step(node, letter)
            if node.decided:
                for i, verdict in node.decided:
                    sure.setdefault(i, Decision(verdict, position, False))
        return [sure[i] if i in sure else self._at_end(i, node, word, ended) for i in range(len(self.rules))]

    def _step(self, node: _Node, letter: Letter) -> _Node:
        states: list[int] = []
        decided: list[tuple[int, Word]] = []
        for i, (before, (_, monitor)) in enumerate(zip(node.states, self.rules, strict=True)):
            after: int | None = before
            if monitor is not None and before not in (_LOST, _FIRM):
                after = monitor.step(before, letter)
                if after is None or monitor.lost(after):
                    after = _LOST
                    decided.append((i, "violated"))
                elif monitor.settled(after):
                    after = _FIRM
                    decided.append((i, "satisfied"))
            states.append(after if after is not None else _LOST)
        key = (tuple(states), tuple(decided))
        target = self._nodes.get(key)
        if target is None:
            target = self._nodes[key] = _Node(*key)
        node.after[id(letter)] = target, letter
        self._size += 1
        return target

    def _at_end(self, i: int, node: _Node, word: Sequence[Letter], ended: bool) -> Decision:
        rule, monitor = self.rules[i]
        if not ended or not word:
            return Decision("undecided", None, False)
        if monitor is not None:
            fine = monitor.accepts_at(node.states[i])
        else:
            seen = [letter.true for letter in word if sees(rule.view, letter)]
            if not seen:
                return Decision("undecided", None, False)
            fine = truth(rule.formula, seen)[rule.formula][0]
        return Decision("satisfied" if fine else "violated", len(word) - 1, True)


class Replayer:
    """Replays traces under one policy. ``unfinished``: logs go on after their last line."""

    def __init__(self, policy: Policy, *, unfinished: bool = False, failed: Failure = looks_failed) -> None:
        self.policy = policy
        self.lettering = Lettering(policy)
        self._unfinished = unfinished or policy.spec.semantics == "infinite"
        self._failed = failed
        self._monitors: dict[Rule, AnyMonitor | None] = {}
        self._judges: dict[tuple[Kind, frozenset[str]], tuple[Judge, tuple[tuple[str, str], ...]]] = {}
        self.judge("messages")  # what is wrong with a rule shows before any trace is read

    def judge(self, kind: Kind, seen: Collection[str] = ()) -> tuple[Judge, tuple[tuple[str, str], ...]]:
        """The judge of traces of a kind in which these tools occur, and the rules it cannot judge, with why."""
        key = (kind, frozenset(seen) if self.policy.varies else frozenset())
        if key not in self._judges:
            judged: list[tuple[Rule, AnyMonitor | None]] = []
            hidden: list[tuple[str, str]] = []
            for rule in self.policy.rules(key[1]):
                if rule not in self._monitors:
                    self._monitors[rule] = monitor_of(rule, self.policy.spec.semantics)
                monitor = self._monitors[rule]
                reason = self.policy.hidden(rule, monitor) if kind == "messages" else None
                if reason is None:
                    judged.append((rule, monitor))
                else:
                    hidden.append((rule.id, reason))
            self._judges[key] = Judge(judged), tuple(hidden)
        return self._judges[key]

    def replay(self, recorded: Recorded) -> TraceReport:
        """The verdicts on one trace, as far as it can be read."""
        positions, ended = self._positions(recorded)
        ended = ended and not self._unfinished and recorded.problem is None
        tools = {letter.tool for letter in positions.letters} if self.policy.varies else set()
        judge, hidden = self.judge(recorded.kind, [tool for tool in tools if tool is not None])
        decisions = judge.decide(positions.letters, ended=ended)
        verdicts = []
        for (rule, _), (verdict, position, at_end) in zip(judge.rules, decisions, strict=True):
            item = None if position is None else positions.items[position]
            line = None if item is None else recorded.places.line(item)
            enforce = "assume" if rule.assume else rule.enforce
            verdicts.append(RuleVerdict(rule.id, enforce, verdict, position, item, line, at_end))
        return TraceReport(
            recorded, len(positions.letters), ended, tuple(verdicts), hidden, tuple(positions.notes), positions
        )  # fmt: skip

    def _positions(self, recorded: Recorded) -> tuple[Positions, bool]:
        """The letters of a trace, and whether it says that it ended; a fault in it becomes its problem."""
        if recorded.kind == "messages":
            reader = Messages(self._failed)
            try:
                reader.read(recorded.items)
            except Unreadable as fault:
                self._blame(recorded, fault)
            positions = self.lettering.of_messages(reader.moves)
            positions.notes.extend(reader.notes)
            positions.notes.sort(key=lambda note: note[0])
            return positions, True
        try:
            journal = read_journal(recorded.items)
        except Unreadable as fault:
            self._blame(recorded, fault)
            journal = read_journal(recorded.items[: fault.index])
        positions = self.lettering.of_journal(journal.steps)
        positions.notes.extend(journal.notes)
        return positions, journal.status == "accepted"

    @staticmethod
    def _blame(recorded: Recorded, fault: Unreadable) -> None:
        if recorded.problem is None or recorded.kind == "messages":
            what = "messages" if recorded.kind == "messages" else "record "
            where = f"{what}[{fault.index}]" if recorded.kind == "messages" else f"{what}{fault.index}"
            recorded.problem = Problem(recorded.file, recorded.places.line(fault.index), 1, f"{where}: {fault}")
