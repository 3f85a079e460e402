"""``python -m agentspec`` and the ``agentspec`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interrupt while it is still being imported ends it as any other does."""
    try:
        from agentspec.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
