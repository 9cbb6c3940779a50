# SPDX-License-Identifier: Apache-2.0
#
# weft.py - a client and a worker of weft, after docs/formats/wire.md. A Client
# belongs to one thread. `data` and `input` are whatever msgpack can say.
import concurrent.futures as futures, os, time, msgpack, zmq

class WeftError(Exception):
    def __init__(self, error):  # cls: what to do; failure: that of user code
        super().__init__(f"{error['code']}: {error.get('text')}")
        self.code, self.cls, self.failure = map(error.get, ("code", "class", "failure"))

class Client:
    def __init__(self, endpoint, client=None, **hello):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        # Nothing waits for a connection: hello tells what to send again.
        self.socket.immediate, self.socket.sndhwm, self.socket.linger = 1, 0, 0
        self.socket.connect(endpoint)
        self.hello = {"version": 1, "client": client or os.urandom(16), **hello}
        self.node, self.speaks_at = None, 0  # the answer to hello; when it is due, or a ping
        self.number = time.time_ns() // 1000000 * 65536
        self.pending = {}  # number: (verb, fields, size), in order, to send again
        self.answers = {}  # number: (verb, fields), until somebody waits for it

    def __getattr__(self, verb):  # start(kind=..., id=..., input=...) and so on
        return lambda **fields: self.wait(self.send(verb, **fields))

    def send(self, verb, **fields):  # and go on; returns what to wait for
        for key in fields.keys() & {"data", "input"}:
            fields[key] = msgpack.packb(fields[key])
        size = len(msgpack.packb(fields)) + 99  # and what is around it
        if size > 5 << 20:
            raise WeftError({"code": "WEFT_ETOOBIG", "class": "CALLER", "text": "message"})
        while not self.node or len(self.pending) >= self.node["credit"] or self.pending and (
                size + sum(p[2] for p in self.pending.values()) > self.node["credit_bytes"]):
            self.pump()
        self.number += 1
        self.pending[self.number] = verb, fields, size
        self._put(verb, self.number, fields)
        return self.number

    def wait(self, number):  # the fields of its answer
        while number not in self.answers:
            self.pump()
        verb, fields = self.answers.pop(number)
        if verb == "error":
            raise WeftError(fields)
        return {**fields, "data": msgpack.unpackb(fields.get("data") or b"\xc0")}

    def pump(self):  # take what came, speak when it is time
        if time.monotonic() >= self.speaks_at:
            self._put(*("ping", 0, {}) if self.node else ("hello", 0, self.hello))
        if self.socket.poll(1000 * max(0, self.speaks_at - time.monotonic())):
            self._take(*msgpack.unpackb(self.socket.recv()))

    def _put(self, verb, number, fields, **more):
        if number:  # every change below it was answered
            more["confirmed"] = min(number, next((n for n, (asked, *_) in self.pending.items()
                                                  if asked not in ("result", "poll")), number))
        if connected := self.socket.poll(0, zmq.POLLOUT):
            self.socket.send(msgpack.packb([verb, number, {**fields, **more}]))
        self.speaks_at = time.monotonic() + (1 if connected else 0.02)

    def _take(self, verb, number, fields):
        final = verb == "bye" and fields["code"] in ("replaced", "revoked", "malformed")
        if final or verb == "error" and not number:  # or hello was refused
            raise WeftError(fields)
        if verb == "bye" or fields.get("class") == "UNKNOWN" and fields["code"] != "WEFT_ETIMEDOUT":
            self.node, self.speaks_at = None, time.monotonic() + 0.05  # hello, and all again
        elif verb == "ok" and not number and not self.node:
            self.node = fields
            for number, (verb, fields, _) in self.pending.items():
                self._put(verb, number, fields, again=True)
        elif self.pending.pop(number, None):
            self.answers[number] = verb, fields

def failed(error):
    return "fail", {"error_message": str(error)[:500],
                    "error_name": getattr(error, "code", type(error).__name__)}

def work(client, queue, activities, leaves=lambda: False):  # one task at a time
    pool = futures.ThreadPoolExecutor(1)
    while not leaves():
        for task in client.poll(queue=queue, wait_ms=2000).get("tasks", ()):
            token, given = {"token": task["token"]}, task.get("input") or b"\xc0"
            run = pool.submit(lambda: activities[task["name"]](msgpack.unpackb(given), task))
            while not futures.wait([run], min(task.get("heartbeat_ms") or 9000, 9000) / 3000).done:
                try:
                    client.heartbeat(**token, data=task.get("progress"))
                except WeftError as refused:  # it is cancelled, or over
                    task["is_cancelled"] = refused.cls != "RETRY"
            error = run.exception()
            last = failed(error) if error else ("complete", {"data": run.result()})
            while last:
                try:
                    last = client.wait(client.send(last[0], **token, **last[1])) and None
                except (TypeError, WeftError) as refused:  # FINAL: that attempt is over
                    last = {"CALLER": failed(refused), "RETRY": last}.get(
                        getattr(refused, "cls", "CALLER"))
                    time.sleep(0.1)
