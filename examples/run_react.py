"""Run a shipped agent from Python and read its steps as they come.

python examples/run_react.py "What is 48 * 17?"
"""

from __future__ import annotations

import sys

from agentspec.checking.compile import compile_agent
from agentspec.cli.run import open_engine
from agentspec.episode.episode import Episode
from agentspec.spec.load import load
from agentspec.toolbox.registry import load_tools


def main() -> None:
    task = sys.argv[1] if len(sys.argv) > 1 else "What is the capital of Norway?"
    compiled = compile_agent(load("react"))
    episode = Episode(compiled, open_engine(None, compiled.agent.model), load_tools(compiled.agent.tools), task)
    for step in episode.steps():
        print(step.letter, "|", step.shown)
    print(episode.result)


if __name__ == "__main__":
    main()
