"""One end of a connection, by python-websockets: a client in the style of the first argument
("recv" or "iterate"), or a server ("listen" [CERT KEY])."""
import asyncio
import http
import ssl
import sys

import websockets

from driven import commands, emit, emit_close, emit_message, encode, parts, payload

conn = None  # the connection of the moment


async def refuse(path, headers):
    if path == "/refuse":
        return http.HTTPStatus.FORBIDDEN, {"X-Reason": "asked for"}, b"no entry"


async def serve(ws):
    global conn
    conn = ws
    emit("open", subprotocol=ws.subprotocol)
    await receive(ws, "iterate")


async def listen(cert=None, key=None):
    tls = None
    if cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert, key)
    server = await websockets.serve(
        serve,
        "127.0.0.1",
        0,
        ssl=tls,
        subprotocols=["chat.v1"],
        process_request=refuse,
    )
    emit("listening", port=server.sockets[0].getsockname()[1])
    return server


async def dial(command, style):
    global conn
    options = {}
    if "ca" in command:
        options["ssl"] = ssl.create_default_context(cafile=command["ca"])
    try:
        conn = await websockets.connect(
            command["url"], subprotocols=command.get("subprotocols"), **options
        )
    except websockets.InvalidStatusCode as error:
        emit("refused", status=error.status_code)
        return
    emit("open", subprotocol=conn.subprotocol)
    asyncio.create_task(receive(conn, style))


async def receive(ws, style):
    try:
        if style == "iterate":
            async for message in ws:
                emit_message(message)
        while True:
            emit_message(await ws.recv())
    except websockets.ConnectionClosed:
        emit_close(ws.close_code, ws.close_reason)


async def ping(ws, data):
    await (await ws.ping(data))
    emit("pong", data=encode(data))


async def main(style, *args):
    if style == "listen":
        server = await listen(*args)  # kept: it stops when nobody refers to it
    async for command in commands():
        match command["do"]:
            case "dial":
                await dial(command, style)
            case "send":
                await conn.send(parts(command) if "parts" in command else payload(command))
            case "ping":
                asyncio.create_task(ping(conn, payload(command)))
            case "close":
                await conn.close(command["code"], command.get("reason", ""))


asyncio.run(main(*sys.argv[1:]))
