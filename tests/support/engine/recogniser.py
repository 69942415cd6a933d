"""A recogniser that runs for the length of a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sipua.bridge.agent.speech.recogniser_client import RecogniserClient


@asynccontextmanager
async def running(client: RecogniserClient) -> AsyncIterator[RecogniserClient]:
    await client.start()
    try:
        yield client
    finally:
        await client.close()
