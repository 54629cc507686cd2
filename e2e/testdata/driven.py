"""What the Python ends have in common: commands come in as lines of JSON, events go out.

A command has the key "do", an event the key "event". "data" and "parts" are base64; a
command's data is to be repeated "times". Of a message an event tells size and SHA-256.
The process ends when its standard input does.
"""
import asyncio
import base64
import hashlib
import json
import os
import sys
import threading


def emit(event, **fields):
    """Writes an event. None stands for what the library did not tell and is left out."""
    fields = {name: value for name, value in fields.items() if value is not None}
    print(json.dumps({"event": event, **fields}), flush=True)


def emit_message(message):
    kind, data = ("text", message.encode()) if isinstance(message, str) else ("binary", message)
    emit("message", type=kind, size=len(data), sum=hashlib.sha256(data).hexdigest())


def emit_close(code, reason):
    """A close frame without a code is 1005 (RFC 6455 section 7.1.5); Tornado says None."""
    emit("close", code=1005 if code is None else code, reason=reason or "")


def encode(data):
    return base64.b64encode(data).decode()


def payload(command):
    """The command's message: text or bytes."""
    return typed(command, base64.b64decode(command["data"] or "") * command["times"])


def parts(command):
    """The command's message in parts, each to be sent as a frame."""
    return [typed(command, base64.b64decode(part)) for part in command["parts"]]


def typed(command, data):
    return data.decode() if command.get("type") == "text" else data


async def commands():
    """Yields the commands until the standard input ends, then ends the process."""
    loop = asyncio.get_running_loop()
    lines = asyncio.Queue()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        os._exit(0)

    # A daemon, so that an exception elsewhere ends the process and shows its trace.
    threading.Thread(target=read, daemon=True).start()
    while True:
        yield json.loads(await lines.get())
