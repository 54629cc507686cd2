"""python-websockets' echo client: connects to the URL given, and ends when the connection does."""
import asyncio
import sys

import websockets


async def main(url):
    async with websockets.connect(url) as ws:
        async for message in ws:
            await ws.send(message)


asyncio.run(main(sys.argv[1]))
