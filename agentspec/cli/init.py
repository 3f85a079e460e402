"""``agentspec init``: a commented, working agent in any folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

AGENT = """\
{first_line}
# An agent that answers questions with the help of two shipped tools.
# In its folder:
#   agentspec check {name}.yaml                 can every run end well, whatever the tools answer?
#   agentspec validate-prompts {name}.yaml      are the examples below episodes of this spec?
#   agentspec run {name}.yaml "What is 12 * 7?"
# Every key is explained in docs/language.md; your editor knows them by the first line.
version: 1
name: {name}

# The steps: who writes each (model, tool, user) and the cue that announces it in the text.
# What the model may write is one of: text, choice, regex, json_schema, tool, span, format, free.
steps:
  question: {{by: user, cue: "[Question]"}}
  thought: {{by: model, cue: "[Thought]", text: {{max_chars: 160}}}}
  action: {{by: model, cue: "[Action]", tool: name}}
  action_input: {{by: model, cue: "[Action Input]", tool: arguments}}
  observation: {{by: tool, cue: "[Observation]", max_tokens: 120}}
  answer: {{by: model, cue: "[Answer]", text: {{max_chars: 160}}}}

# Their order: * any number of times, ? at most once, {{1,3}} one to three times, | or.
behavior: question (thought action action_input observation)* thought answer

# What must hold over time, in LTL: G always, F sometime, X next, U until, W until or forever.
# Propositions are the steps, call(TOOL), ok(TOOL), failed(TOOL), error, and your own (see 'propositions:').
rules:
  - id: look-first
    ltl: "!answer W observation"
    description: nothing is answered before a tool was asked
  # - id: no-blind-retry
  #   ltl: "G(failed(calculator) -> !call(calculator) W ok(lookup))"

model: smollm2-135m # a small model for a first try; docs/models.md names better ones
instructions: |
  You answer questions with the help of tools. Think about what the question asks, then call a tool, then answer with
  what the tool said.
tools: [calculator, lookup] # your own: ./my_tools.py:my_function, after 'agentspec tools lock {name}.yaml'
examples: {name}.examples.txt # worked episodes for the prompt, each proved to be one of this spec's
limits: {{max_tokens: 4000, max_steps: 40, max_tool_calls: 4}}
"""

EXAMPLES = """\
# Worked episodes, one step a line, '---' between them.
[Question] What is the capital of Norway?
[Thought] I need to look up the capital of Norway.
[Action] lookup
[Action Input] {"query":"capital of Norway"}
[Observation] Norway is a kingdom in northern Europe. Its capital is Oslo.
[Thought] The capital is Oslo.
[Answer] Oslo
---
[Question] What is 912 / 24?
[Thought] I need to divide 912 by 24.
[Action] calculator
[Action Input] {"expression":"912 / 24"}
[Observation] 38
[Thought] The calculator says 38.
[Answer] 38
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if need be.")] = Path(),
    name: Annotated[str, typer.Option(help="The agent's name, and that of its files.")] = "my-agent",
) -> None:
    """Write a commented, working agent, its examples and the schema for your editor. Overwrites nothing."""
    from agentspec.errors import InvalidInput
    from agentspec.spec.load import load_text
    from agentspec.spec.schema import FIRST_LINE, SCHEMA_FILE, schema_text

    files = {
        f"{name}.yaml": AGENT.format(name=name, first_line=FIRST_LINE),
        f"{name}.examples.txt": EXAMPLES,
        SCHEMA_FILE: schema_text(),
    }
    try:
        load_text(files[f"{name}.yaml"].replace("examples:", "# examples:"))
    except InvalidInput:
        shape = "a letter or _, then letters, digits, _ or -, 60 at most, and no word of YAML such as true"
        raise InvalidInput(f"the name {name!r}: an agent's name is {shape}") from None
    taken = [file for file, text in files.items() if (folder / file).exists() and not _same(folder / file, text)]
    if SCHEMA_FILE in taken:
        command = f"agentspec schema -o {shlex.quote(str(folder / SCHEMA_FILE))}"
        raise InvalidInput(f"{folder / SCHEMA_FILE} is there, and another than this version's; replace it: {command}")
    if taken:
        raise InvalidInput(f"{folder / taken[0]} exists already; choose another --name or folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
            typer.echo(f"wrote {folder / file}")
    except OSError as problem:
        raise InvalidInput(f"{folder} cannot be written: {problem.strerror or problem}") from None
    agent = shlex.quote(str(folder / f"{name}.yaml"))
    typer.echo(f'\nNext: agentspec check {agent}   or   agentspec run {agent} "What is 12 * 7?"')


def _same(file: Path, text: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
