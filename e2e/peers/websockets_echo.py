"""python-websockets' echo server: prints its port, ends with its standard input."""
import asyncio
import os
import sys
import threading

import websockets


async def handle(ws):
    if ws.path.startswith("/close/"):
        await ws.close(int(ws.path.removeprefix("/close/")), "as asked")
        return
    async for message in ws:
        await ws.send(message)


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


async def main():
    threading.Thread(target=end_with_stdin, daemon=True).start()
    async with websockets.serve(
        handle, "127.0.0.1", 0, max_size=64 << 20, subprotocols=["echo"]
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
