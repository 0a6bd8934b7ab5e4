#!/usr/bin/python3
"""way LISTEN TARGET [LISTEN TARGET …], each ADDRESS:PORT: passes connections on. Paused (SIGSTOP), it is a network
that swallows everything: connections stay open, new ones are made, and not one byte comes through."""
import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


def passing_on(host, port):
    async def carry(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    return carry


async def main():
    pairs = [address.rsplit(":", 1) for address in sys.argv[1:]]
    for (host, port), target in zip(pairs[::2], pairs[1::2]):
        await asyncio.start_server(passing_on(*target), host, int(port))
    await asyncio.Event().wait()


asyncio.run(main())
