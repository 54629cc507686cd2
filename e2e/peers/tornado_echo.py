"""Tornado's echo server: prints its port, ends with its standard input.

With the argument "defaults" its limits are those of Tornado.
"""
import os
import sys
import threading

from tornado import httpserver, ioloop, netutil, web, websocket


class Echo(websocket.WebSocketHandler):
    def select_subprotocol(self, subprotocols):
        return "echo" if "echo" in subprotocols else None

    def get_compression_options(self):
        return {}

    def on_message(self, message):
        self.write_message(message, binary=isinstance(message, bytes))


class Close(websocket.WebSocketHandler):
    def open(self, code):
        self.close(int(code), "as asked")

    def on_message(self, message):
        pass


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


settings, options = {}, {}
if sys.argv[1:] != ["defaults"]:
    settings, options = {"websocket_max_message_size": 64 << 20}, {"max_buffer_size": 128 << 20}
app = web.Application([(r"/close/(\d+)", Close), (r"/.*", Echo)], **settings)
sockets = netutil.bind_sockets(0, "127.0.0.1")
httpserver.HTTPServer(app, **options).add_sockets(sockets)
threading.Thread(target=end_with_stdin, daemon=True).start()
print(sockets[0].getsockname()[1], flush=True)
ioloop.IOLoop.current().start()
