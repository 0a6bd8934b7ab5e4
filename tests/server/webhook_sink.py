"""A receiver of webhooks that keeps what it gets and answers what a test wants."""
import http.server
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sink = self.server.sink
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sink.got.append((self.path, dict(self.headers.items()), body))
        status, headers, answer = sink.answers.pop(0) if sink.answers else (204, {}, b"")
        sink.may_answer.wait(120)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(answer)
        except OSError:
            pass  # it had enough

    do_GET = do_POST

    def log_message(self, *_):
        pass


class WebhookSink:
    """with WebhookSink() as sink: … `context` is an ssl.SSLContext for https; `answers` come first, then 204."""

    def __init__(self, context=None, answers=()):
        self.got, self.answers, self.context = [], list(answers), context
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.sink, self.server.daemon_threads = self, True
        self.port = self.server.server_address[1]
        if self.context:
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()
