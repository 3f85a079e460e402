"""An agent in ten lines of Python.

python examples/ten_lines.py "What is 48 * 17?"
"""

import sys

import agentspec

agent = agentspec.load("react")
run = agent.run(sys.argv[1] if len(sys.argv) > 1 else "What is 48 * 17?")
print(run)
print(run.answer, run.usage)
run.raise_for_status()
