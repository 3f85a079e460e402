"""``python -m agentspec``."""

from agentspec.cli.app import main

main()
