# SPDX-License-Identifier: Apache-2.0
#
# drive.py direct|torn SERVER... -- CLIENT... - serve, and run a client.
#
# SERVER... is a command that takes --data and --listen besides; in CLIENT...,
# ENDPOINT stands for where to connect. The way of a torn one leads over a proxy
# that resets the connection 20 times; at the tenth the server is killed, and
# begins again.
import random, select, signal, socket, struct, subprocess, sys, tempfile, threading, time

RESETS = 20
SECONDS_MAX = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, command, directory):
        self.port = free_port()
        self.command = [*command, "--data", directory, "--listen",
                        f"tcp://127.0.0.1:{self.port}"]
        self.begin()

    def begin(self):
        self.process = subprocess.Popen(self.command)

    def kill_and_begin(self):
        self.process.kill()
        self.process.wait()
        self.begin()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Proxy:
    """One connection at a time, reset when some thousand bytes were sent."""

    def __init__(self, server):
        self.server, self.resets, self.random = server, 0, random.Random(4)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.server.port))
                self.forward(near, far, self.random.randint(1000, 6000))
                far.close()
            except OSError:  # either end is gone, or the server not yet back
                pass
            near.close()

    def forward(self, near, far, allowed):
        while True:
            for source in select.select([near, far], [], [])[0]:
                piece = source.recv(1024)
                (near if source is far else far).sendall(piece)
                if not piece:
                    return
                allowed -= len(piece) if source is near else 0
            if allowed <= 0 and self.resets < RESETS:
                return self.reset(near, far)

    def reset(self, near, far):
        self.resets += 1
        # What was sent last is lost, or done and answered, or the answer is lost.
        until = time.monotonic() + self.random.choice((0, 0.05, 0.05))
        is_answered = self.random.random() < 0.5
        while select.select([far], [], [], max(0, until - time.monotonic()))[0]:
            piece = far.recv(4096)
            if not piece:
                break
            if is_answered:
                near.sendall(piece)
        if self.resets == RESETS // 2:
            self.server.kill_and_begin()
        for end in near, far:  # no goodbye: RST
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()


def main(how, *commands):
    split = commands.index("--")
    with tempfile.TemporaryDirectory() as directory:
        server = Server(commands[:split], directory + "/data")
        proxy = Proxy(server)
        port = proxy.port if how == "torn" else server.port
        client = [word.replace("ENDPOINT", f"tcp://127.0.0.1:{port}")
                  for word in commands[split + 1:]]
        try:
            status = subprocess.run(client, timeout=SECONDS_MAX).returncode
        finally:
            ended = server.end()
        if how == "torn" and proxy.resets != RESETS:
            sys.exit(f"{proxy.resets} resets, not {RESETS}")
        if status or ended:
            sys.exit(f"status of the client: {status}, of the server: {ended}")


main(*sys.argv[1:])
