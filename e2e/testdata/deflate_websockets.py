"""Echoes with permessage-deflate, by python-websockets: what it is told to listen or to dial, one
connection at a time, with the command's settings. A ping goes before every echo, and an echo of
more than 2 characters or bytes comes in three frames if the settings say so."""
import asyncio

import websockets
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

from driven import commands, emit, emit_close


async def echo(ws, fragments):
    async for message in ws:
        await ws.ping()
        if fragments and len(message) > 2:
            third = len(message) // 3
            message = [message[:third], message[third : 2 * third], message[2 * third :]]
        await ws.send(message)
    emit_close(ws.close_code, ws.close_reason)


async def listen(settings, fragments):
    server = await websockets.serve(
        lambda ws: echo(ws, fragments),
        "127.0.0.1",
        0,
        compression=None,
        extensions=[ServerPerMessageDeflateFactory(**settings)],
        max_size=None,
    )
    emit("listening", port=server.sockets[0].getsockname()[1])
    return server


async def dial(url, settings, fragments):
    extensions = [ClientPerMessageDeflateFactory(**{"client_max_window_bits": None, **settings})]
    async with websockets.connect(
        url, compression=None, extensions=extensions, max_size=None
    ) as ws:
        await echo(ws, fragments)


async def main():
    kept = set()  # servers and tasks: one that nobody refers to may be lost
    async for command in commands():
        settings = command["settings"]
        fragments = settings.pop("fragments", False)
        match command["do"]:
            case "listen":
                kept.add(await listen(settings, fragments))
            case "dial":
                kept.add(asyncio.create_task(dial(command["url"], settings, fragments)))


asyncio.run(main())
