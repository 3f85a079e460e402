"""Several runs at once in an event loop, with a time limit for each.

python examples/async_many.py
"""

from __future__ import annotations

import asyncio

import agentspec

TASKS = ["What is 48 * 17?", "What is the capital of Norway?"]


async def one(agent: agentspec.Agent, task: str, seconds: float) -> str:
    """The answer, or why there is none. A run that is cut off ends as cancelled, and its record says so."""
    try:
        async with asyncio.timeout(seconds):
            run = await agent.arun(task)
    except TimeoutError:
        return f"{task} no answer within {seconds} s"
    return f"{task} {run.answer or run.status}"


async def main() -> None:
    agent = agentspec.load("react-zero")
    for answer in asyncio.as_completed([one(agent, task, 60) for task in TASKS]):
        print(await answer)
    print(await one(agent, "What is 2 ** 10?", 0.5))

    async for record in agent.asteps("What is 7 * 6?"):
        print(record.letter)


if __name__ == "__main__":
    asyncio.run(main())
