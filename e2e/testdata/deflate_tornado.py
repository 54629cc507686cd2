"""Echoes with permessage-deflate, by Tornado: what it is told to listen or to dial, one connection
at a time. It negotiates what the other end wants: it has no settings. It sends no pings: a pong
between the frames of a compressed message makes Tornado forget that it is compressed."""
import asyncio

from tornado import httpserver, netutil, web, websocket

from driven import commands, emit, emit_close


class Server(websocket.WebSocketHandler):
    def get_compression_options(self):
        return {}

    async def on_message(self, message):
        await self.write_message(message, isinstance(message, bytes))

    def on_close(self):
        emit_close(self.close_code, self.close_reason)


def listen():
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    httpserver.HTTPServer(web.Application([(r"/.*", Server)])).add_sockets(sockets)
    emit("listening", port=sockets[0].getsockname()[1])


async def dial(url):
    client = await websocket.websocket_connect(url, compression_options={})
    while (message := await client.read_message()) is not None:
        await client.write_message(message, isinstance(message, bytes))
    emit_close(client.close_code, client.close_reason)


async def main():
    tasks = set()  # kept: a task that nobody refers to may be lost
    async for command in commands():
        match command["do"]:
            case "listen":
                listen()
            case "dial":
                tasks.add(asyncio.create_task(dial(command["url"])))


asyncio.run(main())
