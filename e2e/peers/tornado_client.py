"""Tornado's echo client: connects to the URL given, and ends when the connection does."""
import asyncio
import sys

from tornado.websocket import websocket_connect


async def main(url):
    conn = await websocket_connect(url)
    while True:
        message = await conn.read_message()
        if message is None:
            break
        await conn.write_message(message, binary=isinstance(message, bytes))


asyncio.run(main(sys.argv[1]))
