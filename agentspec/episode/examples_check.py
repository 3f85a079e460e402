"""One prompt example held against its agent: everything that is wrong with it, one finding after the other.

After a finding the example is read on from where its shortest repair stands, so that what is wrong further on is told
as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agentspec.automata.game import way_out
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled
from agentspec.checking.play import broken_by
from agentspec.content.language import readable
from agentspec.content.nearest import right_of
from agentspec.episode.examples_constraint import told_of
from agentspec.episode.examples_finding import Finding, Kind
from agentspec.episode.examples_read import Cues, Line, Transcript
from agentspec.episode.examples_repair import Edit, Repair, repaired
from agentspec.episode.examples_walk import Ground, Node, Taken, step_name


@dataclass(frozen=True)
class Examined:
    """What was found: ``word`` is the likeliest reading of an example without findings, else empty.

    ``repair`` is there where something is wrong and a repair was found.
    """

    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    word: tuple[Taken, ...]
    repair: Repair | None


@dataclass(frozen=True)
class _Fault:
    """What is wrong at the line ``at`` (past the last one: with the end), seen from ``nodes``."""

    at: int
    finding: Finding


class Examiner:
    """Examines the examples of one agent."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.ground = Ground(compiled)
        self._cues = Cues(compiled.agent.spec)

    def first(self, transcript: Transcript, source: str) -> Finding | None:
        """The first fault, None for an example that the guard could have produced."""
        fault, _ = _Reading(self.ground, transcript, source).fault(0, [self.ground.start()])
        return None if fault is None else fault.finding

    def examine(self, transcript: Transcript, source: str) -> Examined:
        """All that is wrong with an example, and its repair."""
        ground, lines = self.ground, transcript.lines
        reading = _Reading(ground, transcript, source)
        fault, ends = reading.fault(0, [ground.start()])
        if fault is None:
            last = min((node for node in ends if ground.may_end(node)), key=lambda node: node.odd).last
            word = tuple(last.word()) if last is not None else ()
            warnings = (*self._suspects(transcript, source), *self._warned(transcript, source, word))
            return Examined((), warnings, word, None)
        repair = self._repair(lines)
        if repair is None or not repair.edits:
            return Examined((fault.finding,), tuple(self._suspects(transcript, source)), (), None)
        found: list[Finding] = []
        edits, gone = list(repair.edits), list[Edit]()
        while fault is not None:
            mine = [edit for edit in edits if edit.at <= fault.at]
            edits = edits[len(mine) :]
            if fault.at == len(lines) and found and any(e.kind == "delete" and e.at == fault.at - 1 for e in gone):
                found[-1] = replace(found[-1], repair=(*found[-1].repair, *mine))  # the end is where nothing stands
                break
            found.append(replace(fault.finding, repair=tuple(mine)))
            gone = mine
            if fault.at == len(lines):
                break
            fault, _ = reading.fault(fault.at + 1, [repair.behind[fault.at + 1]._replace(odd=0)])
        if edits:
            found[-1] = replace(found[-1], repair=(*found[-1].repair, *edits))
        return Examined(tuple(found), tuple(self._suspects(transcript, source)), (), repair)

    def _repair(self, lines: list[Line]) -> Repair | None:
        found = repaired(self.ground, lines, limited=False)
        if found is None or self._within(found):
            return found
        return repaired(self.ground, lines, limited=True)

    def _within(self, repair: Repair) -> bool:
        """Whether the repaired example fits the limits all along."""
        nodes = [self.ground.start()]
        for line in repair.lines:
            after = [n for node in nodes for a, n in self.ground.read(node, line) if self.ground.is_kept(node, a)]
            nodes = self.ground.merged(filter(self.ground.fits, after))
        return bool(nodes)

    # Warnings -----------------------------------------------------------------------------------------------------

    def _suspects(self, transcript: Transcript, source: str) -> Iterator[Finding]:
        """Lines in which a second step seems to begin."""
        for index, line in enumerate(transcript.lines, start=1):
            if line.fault or line.steps or not line.rows:
                continue
            found = self._cues.inside(line.rows[0][len(line.cue) :])
            if found is not None:
                at = found[0] + len(line.cue)
                place = replace(line.place(source, -1), column=at + 2, text=line.rows[0])
                problem = f"two cues on one line: '{found[1]}' begins a step only at the beginning of a line"
                yield Finding(transcript.number, index, place, line.text, problem, kind="segmentation", warning=True)

    def _warned(self, transcript: Transcript, source: str, word: tuple[Taken, ...]) -> Iterator[Finding]:
        """The rules that are not enforced and that the example breaks."""
        for rule in self.compiled.agent.spec.rules:
            if rule.enforce not in ("warn", "log") or rule.assume:
                continue
            monitor = self.compiled.monitors[rule.id]
            state: int | None = monitor.initial
            for index, (line, taken) in enumerate(zip(transcript.lines, word, strict=True), start=1):
                state = None if state is None else monitor.step(state, taken.judged)
                over = index == len(word) and not self.ground.endless
                if monitor.lost(state) or (over and state is not None and not monitor.accepts_at(state)):
                    what = f"'{line.step or taken.letter.step}' breaks a rule that is not enforced"
                    problem = what if monitor.lost(state) else "the example ends, and a rule that is not enforced fails"
                    place = line.place(source, -1)
                    yield Finding(
                        transcript.number, index, place, line.text, problem, (rule.id,), kind="rule", warning=True
                    )
                    break


class _Reading:
    """One example as it is read."""

    def __init__(self, ground: Ground, transcript: Transcript, source: str) -> None:
        self.ground, self.lines, self.source, self.number = ground, transcript.lines, source, transcript.number

    def fault(self, start: int, nodes: list[Node]) -> tuple[_Fault | None, list[Node]]:
        """The first fault from a line on, and the places at the end where there is none.

        Outcomes are read as they look; as anything else only where that goes wrong.
        """
        found = self._fault(start, nodes, plainly=True)
        return found if found[0] is None else self._fault(start, nodes, plainly=False)

    def _fault(self, start: int, nodes: list[Node], *, plainly: bool) -> tuple[_Fault | None, list[Node]]:
        ground = self.ground
        for at in range(start, len(self.lines)):
            line = self.lines[at]
            if line.fault:
                finding = self._finding(at, line, "segmentation", line.fault, nodes, -1)
                return _Fault(at, finding), []
            kept: list[Node] = []
            lost: list[tuple[Node, Letter, Node]] = []
            for node in nodes:
                for letter, after in ground.read(node, line, plainly=plainly):
                    if ground.is_kept(node, letter):
                        kept.append(after)
                    else:
                        lost.append((node, letter, after))
            fitting = [node for node in kept if ground.fits(node)]
            if not fitting:
                if kept:
                    finding = self._beyond(at, line, kept, nodes)
                elif lost:
                    finding = self._broken(at, line, *lost[0], nodes)
                else:
                    finding = self._unread(at, line, nodes)
                return _Fault(at, finding), []
            nodes = ground.merged(fitting) if len(fitting) > 1 else fitting
        if not any(map(ground.may_end, nodes)):
            return _Fault(len(self.lines), self._unended(nodes)), []
        return None, nodes

    # What is wrong ------------------------------------------------------------------------------------------------

    def _finding(
        self, at: int, line: Line, kind: Kind, problem: str, nodes: list[Node], right: int,
        rules: tuple[str, ...] = (), constraint: str = "",
    ) -> Finding:  # fmt: skip
        place = line.place(self.source, right)
        text = line.text
        return Finding(self.number, at + 1, place, text, problem, rules, self._allowed(nodes), kind, constraint)

    def _allowed(self, nodes: list[Node]) -> tuple[str, ...]:
        """What would have been allowed: letters of the model, steps of others, from whom every letter is."""
        ground, found = self.ground, set[str]()
        for node in nodes:
            for letter, target in ground.kept(node.state).items():
                after = node._replace(state=target, steps=node.steps + 1, calls=node.calls + letter.completes_call)
                if ground.fits(after) or (ground.endless and letter.owner == Owner.USER):
                    found.add(str(letter if letter.owner == Owner.MODEL else letter.step))
            if ground.may_end(node):
                found.add("the end")
        return tuple(sorted(found))

    def _beyond(self, at: int, line: Line, kept: list[Node], nodes: list[Node]) -> Finding:
        most, node = self.ground.most, kept[0]
        turn = " of a turn" if self.ground.endless else ""
        told = f"at most {most.steps} steps and {most.calls} tool calls{turn}"
        if node.steps > most.steps or node.calls > most.calls:
            over = f"step {node.steps}" if node.steps > most.steps else f"tool call {node.calls}"
            problem = f"'{step_name(self.ground, line)}' goes beyond the limits: it is {over}"
        else:
            problem = f"after '{step_name(self.ground, line)}' no good end is sure within the limits any more"
        return self._finding(at, line, "limits", problem, nodes, -1, constraint=told)

    def _broken(self, at: int, line: Line, node: Node, letter: Letter, after: Node, nodes: list[Node]) -> Finding:
        compiled = self.ground.compiled
        culprit = way_out(compiled.arena, compiled.solution, node.state, letter)
        before = [] if node.last is None else [taken.letter for taken in node.last.word()]
        monitors = [(rule.id, compiled.monitors[rule.id]) for rule in compiled.blocking]
        rules = tuple(broken_by(monitors, [*before, culprit]))
        name = step_name(self.ground, line)
        problem = f"'{name}' breaks a rule here" if rules else "no rule-abiding ending is sure after this step"
        if after.state != VIOLATED and not rules:
            problem += f": {compiled.play(compiled.arena.moves[node.state][culprit])}"
        return self._finding(at, line, "rule", problem, nodes, -1, rules)

    def _unread(self, at: int, line: Line, nodes: list[Node]) -> Finding:
        """A line that is no step here: another one may come, or its text is not a text of the step."""
        ground = self.ground
        here = [(node, letter, text) for node in nodes for letter, text in ground.candidates(node, line)]
        if not here:
            problem = f"the step '{step_name(ground, line)}' may not come here"
            return self._finding(at, line, "behavior", problem, nodes, -1)
        if rules := next((r for node in nodes if (r := self._repeats(node, line))), ()):
            what = f"'{step_name(ground, line)}' breaks a rule about what was written before"
            return self._finding(at, line, "history", what, nodes, self._right(here)[0], rules)
        right, ending = self._right(here)
        names = list(dict.fromkeys(str(letter.step) for _, letter, _ in here))
        _, letter, text = here[0]
        told = told_of(ground.compiled, [letter for _, letter, _ in here], text)
        problem = f"not a valid content for '{' or '.join(names)}': {text[:80]!r}"
        if "\0" in text:
            problem += "; a NUL byte"
        elif told.problem:
            problem += f"; {told.problem}"
        elif ending:
            problem += f"; expected {ending}"
        kind: Kind = "history" if ground.compiled.alphabet.bound(letter) is not None and told.quoting else "content"
        right = told.offset if told.offset is not None else right
        return self._finding(at, line, kind, problem, nodes, right, (), told.constraint)

    def _repeats(self, node: Node, line: Line) -> tuple[str, ...]:
        """The history rules that a line breaks which would be a step without them."""
        for name in line.steps:
            step = self.ground.steps[name]
            if rules := node.quotes.broken_by(f"{step.cue} {line.content}"):
                return rules
        return () if line.steps else node.quotes.broken_by(line.text)

    def _right(self, here: list[tuple[Node, Letter, str]]) -> tuple[int, str]:
        """How many characters of a line's content are right, and what may follow them, in words."""
        best, ending = -1, ""
        for node, letter, text in here:
            language = self.ground.texts.language(letter, node.quotes)
            if language is None:
                continue
            right, state = right_of(language, text)
            if right > best:
                best = right
                options = [readable(low, high) for low, high, _ in language.stretches(state)]
                wide = [high - low for low, high, _ in language.stretches(state)]
                ending = ""
                if not options and language.accepts_at(state):
                    ending = f"the end of the step after {right} characters"
                elif options and len(options) <= 6 and max(wide) == 1:
                    told = [repr(option) for option in options]
                    told += ["the end of the step"] if language.accepts_at(state) else []
                    ending = " or ".join(told)
        return best, ending

    def _unended(self, nodes: list[Node]) -> Finding:
        last, compiled = self.lines[-1], self.ground.compiled
        word = [] if nodes[0].last is None else [taken.letter for taken in nodes[0].last.word()]
        rules: tuple[str, ...] = ()
        if not self.ground.endless:
            rules = tuple(rule.id for rule in compiled.blocking if not _holds(compiled, rule.id, word))
        problem = "the episode may not end after this step"
        return self._finding(len(self.lines) - 1, last, "end", problem, nodes, -1, rules)


def _holds(compiled: Compiled, rule: str, word: list[Letter]) -> bool:
    monitor = compiled.monitors[rule]
    state: int | None = monitor.initial
    for letter in word:
        state = None if state is None else monitor.step(state, letter)
    return state is not None and monitor.accepts_at(state)
