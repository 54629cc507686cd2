"""One end of a connection, by Tornado: a client in the style of the first argument
("coroutine" or "callback"), or a server ("listen" [CERT KEY])."""
import asyncio
import sys

from tornado import httpclient, httpserver, netutil, web, websocket

from driven import commands, emit, emit_close, emit_message, encode, payload

conn = None  # the connection of the moment


class Server(websocket.WebSocketHandler):
    def prepare(self):
        if self.request.path == "/refuse":
            self.set_status(403)
            self.set_header("X-Reason", "asked for")
            self.finish("no entry")

    def select_subprotocol(self, offered):
        return "chat.v1" if "chat.v1" in offered else None

    def open(self):
        global conn
        conn = self
        emit("open", subprotocol=self.selected_subprotocol)

    def on_message(self, message):
        emit_message(message)

    def on_ping(self, data):
        emit("ping", data=encode(data))

    def on_pong(self, data):
        emit("pong", data=encode(data))

    def on_close(self):
        emit_close(self.close_code, self.close_reason)


def listen(cert=None, key=None):
    tls = {"certfile": cert, "keyfile": key} if cert else None
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    app = web.Application([(r"/.*", Server)])
    httpserver.HTTPServer(app, ssl_options=tls).add_sockets(sockets)
    emit("listening", port=sockets[0].getsockname()[1])


async def dial(command, style):
    global conn

    def deliver(message):
        if message is None:
            emit_close(client.close_code, client.close_reason)
        else:
            emit_message(message)

    async def read(client):
        while True:
            message = await client.read_message()
            deliver(message)
            if message is None:
                break

    request = httpclient.HTTPRequest(command["url"], ca_certs=command.get("ca"))
    try:
        client = conn = await websocket.websocket_connect(
            request,
            subprotocols=command.get("subprotocols"),
            on_message_callback=deliver if style == "callback" else None,
        )
    except httpclient.HTTPError as error:
        emit("refused", status=error.code)
        return
    client.on_ping = lambda data: emit("ping", data=encode(data))
    client.on_pong = lambda data: emit("pong", data=encode(data))
    emit("open", subprotocol=client.selected_subprotocol)
    if style == "coroutine":
        asyncio.create_task(read(client))


async def main(style, *args):
    if style == "listen":
        listen(*args)
    async for command in commands():
        match command["do"]:
            case "dial":
                await dial(command, style)
            case "send":
                await conn.write_message(payload(command), command["type"] == "binary")
            case "ping":
                conn.ping(payload(command))
            case "close":
                conn.close(command.get("code"), command.get("reason"))


asyncio.run(main(*sys.argv[1:]))
