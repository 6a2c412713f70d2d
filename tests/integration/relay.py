"""A server for asyncio that passes on what comes."""

import asyncio
import contextlib


async def copy(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def relay_to(host, port):
    """What asyncio.start_server() is to do with a connection."""

    async def pass_on(reader, writer):
        try:
            there = await asyncio.open_connection(host, port)
        except OSError:  # nobody listens there, or not yet
            writer.close()
            return
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    return pass_on
