"""``agentspec demo``: a shipped agent on a real question, with its automaton, its trace and what the guard did."""

from __future__ import annotations

import typer

QUESTION = "A box holds 24 pencils. How many pencils are in 17 boxes?"


def demo() -> None:
    """Run a shipped agent on a real question; fetches the default model first if need be."""
    from agentspec.automata.draw import printed
    from agentspec.cli.automaton import automaton_of
    from agentspec.cli.run import play
    from agentspec.cli.settings import Settings

    typer.echo("The automaton of agents/react.yaml (behavior and rules, compiled):\n")
    found, winning = automaton_of("react")
    typer.echo(printed(found, "text", winning))
    typer.echo("One episode under it. The model writes the cyan steps, the tool the yellow one:\n")
    result = play("react", QUESTION, Settings())
    typer.echo('\nTry: agentspec run react "What is the capital of Norway?"   or   agentspec check react')
    raise typer.Exit(result.exit_code)
