"""A cursor on the guard: says what may come next in somebody else's loop, and follows what came.

No model, engine or decoder takes part; the texts of steps are validated here instead of being constrained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agentspec.api.content import Content, forms
from agentspec.automata.game import way_out
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled, step_of
from agentspec.checking.play import broken_by
from agentspec.content.constraint import Constraint
from agentspec.content.cost import Completions
from agentspec.decoding.landing import Landing
from agentspec.decoding.lower import gbnf
from agentspec.decoding.lower.llguidance import lower
from agentspec.episode.quotes import Quotes, SegmentTexts, heard
from agentspec.episode.retry import Failures
from agentspec.episode.trace import Verdict, verdicts
from agentspec.episode.transcript import identify, show, split_step
from agentspec.errors import EngineFault, InvalidInput, TooLarge, nearest
from agentspec.guard.budget import Budget
from agentspec.guard.segment import Segment, segment
from agentspec.spec.alphabet import outcome

if TYPE_CHECKING:
    from agentspec.decoding.walk import Walk
    from agentspec.engines.engine import Engine


class Cursor:
    """A position of the guard with the steps that led to it. Not for use by two threads at once.

    A step that is refused raises InvalidInput and changes nothing; so does EngineFault, where the function of a runtime
    predicate fails or is not at hand.
    """

    def __init__(self, compiled: Compiled, budget: Budget | None = None) -> None:
        limits = compiled.agent.limits
        if budget is None:
            budget = Budget(limits.max_tokens, limits.max_steps, limits.max_tool_calls)
        self._compiled = compiled
        self._position = compiled.guard.start(budget)
        self._taken: list[tuple[Letter, str]] = []
        self._quotes = [Quotes(compiled)]

    # What may come ------------------------------------------------------------------------------------------------

    @property
    def owner(self) -> Owner | None:
        """Who writes next: ``model``, ``tool`` or ``user``; None where the episode can only end."""
        return self._position.owner

    @property
    def allowed(self) -> tuple[Letter, ...]:
        """The letters that may come next: the model's after which a good end is sure, or all that others may choose."""
        return self._position.allowed()

    @property
    def allowed_steps(self) -> dict[str, tuple[str, ...]]:
        """The names of the steps that may come next, each with the tools it may name, call or answer for."""
        found: dict[str, tuple[str, ...]] = {}
        for letter in self.allowed:
            step, tools = str(letter.step), (letter.tool,) if letter.tool else ()
            found[step] = tuple(dict.fromkeys((*found.get(step, ()), *tools)))
        return found

    @property
    def may_end(self) -> bool:
        """Whether the episode may end here."""
        return self._position.is_accepting

    @property
    def must_end(self) -> bool:
        """Whether ending is all that is left."""
        return self._position.must_end

    @property
    def left(self) -> Budget:
        """The budget that is left."""
        return self._position.left

    @property
    def plan(self) -> Segment:
        """What the model may write until somebody else writes, as a small graph of letters.

        Raises InvalidInput where it is not the model's turn.
        """
        if self.owner != Owner.MODEL:
            raise self._refusal("the model does not write here")
        return segment(self._position)

    @property
    def grammar(self) -> str:
        """The texts of ``plan`` in llguidance's Lark dialect, for servers that take it. Raises as ``plan`` does."""
        return lower(self.plan, self._texts.of_letter, self._texts.of_letters)

    @property
    def gbnf(self) -> str:
        """The texts of ``plan`` in GBNF, for servers of llama.cpp. The border is always a newline there.

        Raises as ``plan`` does, and TooLarge where what predicates leave of a text takes too many rules.
        """
        return gbnf.lower(self.plan, self._texts.of_letter, self._texts.of_letters)

    def landing(self, said: Callable[[list[int]], bytes]) -> Landing:
        """The account of what is left within ``plan``: which tokens leave enough for a good end, a token for each byte.

        ``said`` gives the bytes of tokens. Raises as ``plan`` does.
        """
        left, texts = self.left.tokens, self._texts
        return Landing(self.plan, left, Completions(list), texts.of_letter, self._compiled.farthest, list, said)

    def walk(self, engine: Engine, prompt: list[int]) -> Walk:
        """What the model may write here behind a prompt's tokens, for samplers that go back, branch and weigh."""
        from agentspec.decoding.walk import Walk

        return Walk(engine.matcher(self.grammar), engine.open(prompt))

    # What came ----------------------------------------------------------------------------------------------------

    def take(self, step: str, content: Content = "", *, tokens: int = 0) -> Letter:
        """Take a step of the model or the user: its text, or its JSON object as a mapping.

        ``tokens`` is what it cost the model; they count against the budget. Raises InvalidInput with the reason and
        what is allowed instead: no such step here, a text outside its constraint, a rule it would break.
        """
        spec = self._compiled.agent.spec
        declared = spec.steps.get(step)
        if declared is None:
            raise InvalidInput(f"no step is called '{step}'{nearest(step, list(spec.steps))}")
        if declared.owner == Owner.TOOL:
            raise InvalidInput(f"'{step}' is a tool's answer: give it to observe()")
        exist = tuple(letter for letter in self._exist if letter.step == step)
        if not exist:
            raise self._refusal(f"the step '{step}' may not come here")
        texts = forms(declared, content, exist, self._compiled.schemas)
        if declared.owner == Owner.USER:
            return self._hear(exist, {step}, texts[0], texts[0])
        return self._advance(*self._read(exist, *(f"{declared.cue} {text}" for text in texts)), tokens)

    def read(self, text: str, *, tokens: int = 0) -> tuple[Letter, ...]:
        """Take the steps a model wrote as text, each behind its cue; all of them or none.

        Raises InvalidInput as ``take`` does, and where a line begins with no cue or the last step stops short.
        """
        spec, before, rest = self._compiled.agent.spec, len(self._taken), text.encode()
        try:
            while rest:
                here = [step_of(spec.steps, letter) for letter in self.allowed]
                whole = split_step(here, rest, final=True)
                if whole is None:
                    raise InvalidInput(f"the text stops inside a step: {rest.decode()[-60:]!r}")
                rest = whole[1]
                self._advance(*self._read(self._exist, whole[0].decode()), 0 if rest else tokens)
        except InvalidInput:
            self.rollback(len(self._taken) - before)
            raise
        return self.word[before:]

    def observe(self, text: str, *, shown: str | None = None, ok: bool = True, error: bool = False) -> Letter:
        """Take the answer of the tool that was called: its result, or with ``ok`` False an error result it declares.

        So too what a step holds that code writes by itself (``handler``).

        ``error`` says that it faulted or timed out instead; ``shown`` is the part of a long text that the model reads.
        Raises InvalidInput where no tool's answer is due.
        """
        if self.owner != Owner.TOOL:
            raise self._refusal("no tool's answer is due")
        tool, step = self._exist[0].tool, str(self._exist[0].step)
        happened = outcome(tool, ok=ok, error=error)
        return self._hear(self._exist, {step, *happened}, text, text if shown is None else shown)

    def rollback(self, steps: int = 1) -> None:
        """Undo the last steps. Raises ValueError when there are fewer."""
        self._position.rollback(steps)
        kept = len(self._taken) - steps
        del self._taken[kept:], self._quotes[kept + 1 :]

    @property
    def word(self) -> tuple[Letter, ...]:
        """The letters of the steps taken."""
        return tuple(letter for letter, _ in self._taken)

    def verdicts(self, *, ended: bool = False) -> tuple[Verdict, ...]:
        """What has become of each rule so far; with ``ended`` as if the episode ended here."""
        return verdicts(self._compiled.agent.spec.rules, self._compiled.monitors, self.word, ended=ended)

    # Looks --------------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        """The transcript so far."""
        return "".join(show(self._compiled.agent.spec, str(letter.step), text) for letter, text in self._taken)

    def __repr__(self) -> str:
        return f"<Cursor of {self._compiled.agent.name} after {len(self._taken)} steps; allowed: {self._told()}>"

    def _repr_svg_(self) -> str | None:
        from agentspec.episode.page import guard_svg

        try:
            return guard_svg(self._compiled, self._position.state)
        except TooLarge:  # the notebook shows the name instead
            return None

    # --------------------------------------------------------------------------------------------------------------

    @property
    def _exist(self) -> tuple[Letter, ...]:
        return self._position.guard.possible(self._position.state)

    @property
    def _texts(self) -> SegmentTexts:
        return SegmentTexts(self._compiled, self._bound(), Failures(self._compiled))

    def _bound(self) -> dict[Letter, Constraint]:
        """The contents of the letters that quote, with what can be quoted now."""
        return self._quotes[-1].bound(self._compiled.contents)

    def _read(self, possible: tuple[Letter, ...], *texts: str) -> tuple[Letter, str]:
        """The letter and content of the first of the texts that is one of the letters possible."""
        problems = []
        for text in texts:
            try:
                return identify(self._compiled, possible, text, self._bound())
            except InvalidInput as problem:
                problems.append(problem.message.partition("; allowed: ")[0])
        raise self._refusal(problems[0])

    def _hear(self, possible: tuple[Letter, ...], built_in: set[str], text: str, shown: str) -> Letter:
        excluded = self._position.guard.excluded(self._position.state)
        found = heard(self._compiled, self._quotes[-1], (*possible, *excluded), built_in, text, shown)
        if found is None:
            raise self._refusal(f"no step can hold {', '.join(sorted(built_in))}")
        if found[0] in excluded:
            raise self._refusal(f"'{found[0]}' breaks the assumption '{excluded[found[0]]}'")
        return self._advance(found[0], text, 0, found[1])

    def _advance(self, letter: Letter, content: str, tokens: int, quotes: Quotes | None = None) -> Letter:
        if letter not in self.allowed:
            raise self._refusal(f"'{letter}' is refused: {self._reason(letter)}")
        try:
            self._position.advance(letter, tokens)
        except EngineFault as problem:
            raise InvalidInput(problem.message) from None
        self._taken.append((letter, content))
        self._quotes.append(quotes or self._quotes[-1].wrote(letter, content))
        return letter

    def _refusal(self, what: str) -> InvalidInput:
        return InvalidInput(f"{what}; allowed: {self._told()}")

    def _told(self) -> str:
        ends = ["the end"] if self.may_end else []
        return ", ".join([*map(str, self.allowed), *ends]) or "nothing"

    def _reason(self, letter: Letter) -> str:
        """Why the guard does not offer a letter that exists here."""
        compiled, position = self._compiled, self._position
        arena, found = position.guard.arena, way_out(position.guard.arena, compiled.solution, position.state, letter)
        if found != letter:
            return f"what it is shows only when it is written, and '{found}' is refused: {self._reason(found)}"
        target = arena.moves[position.state][letter]
        if target == VIOLATED:
            return f"it would break {self._broken((letter,))}"
        if target in compiled.solution.rank:
            if position.guard.sure is not None and position.guard.sure.costs.fits(position.state, position.left):
                return "what functions will say after it is not known, and without it a good end is sure"
            return f"the budget left ({position.left}) does not hold it and a good end after it"
        play = compiled.play(target)
        told = ", ".join(filter(None, (" → ".join(map(str, play.letters)), play.end)))
        broken = self._broken((letter, *play.letters))
        return f"no good end is sure after it: {told}" + (f" ({broken})" if broken else "")

    def _broken(self, more: tuple[Letter, ...]) -> str:
        """The block rules that are broken for good after the word so far and ``more``."""
        rules = {rule.id: rule for rule in self._compiled.blocking}
        names = broken_by([(name, self._compiled.monitors[name]) for name in rules], (*self.word, *more))
        return ", ".join(f"the rule '{name}' ({rules[name].text})" for name in names)
