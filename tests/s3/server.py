#!/usr/bin/python3
# server.py DIR - a small S3 on a port of 127.0.0.1, which fails when told to.
#
# Objects are files under DIR/objects, by bucket and key; their time is when
# they were put. What it does is read from and written to DIR:
#
#   port      where it listens, and where it does for HTTPS with cert.pem and
#             key.pem; written when it does
#   requests  a line for each request: method, path and query
#   faults    lines "METHOD COUNT KIND"; the first of a method is for its next
#             COUNT requests. Kinds: below, at fail().
#
# It knows one account, KEY, SECRET and TOKEN below, and compares signatures.
import base64
import email.utils
import hashlib
import os
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY, SECRET, TOKEN = "AKIATEST", "se/cret+of=tests", "to/ken+of=tests"
REGION = "eu-test-1"
PAGE = 2  # keys on a page of a list, so that there are pages
lock = threading.Lock()


def signature(method, url, headers):
    """What botocore, which is Amazon's, makes of the same request."""
    signer = S3SigV4Auth(Credentials(KEY, SECRET, TOKEN), "s3", REGION)
    request = AWSRequest(method, url, headers)
    request.context["timestamp"] = headers["x-amz-date"]
    text = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, text), request)


class Refused(Exception):
    def __init__(self, status, code, message="It is refused."):
        self.status, self.code, self.message = status, code, message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    # Who asks. -----------------------------------------------------------

    def check_signature(self):
        words = self.headers.get("Authorization", "").replace(",", " ").split()
        parts = dict(word.split("=", 1) for word in words[1:])
        if words[:1] != ["AWS4-HMAC-SHA256"] or len(parts) != 3:
            raise Refused(403, "AccessDenied")
        if parts["Credential"].split("/")[0] != KEY:
            raise Refused(403, "InvalidAccessKeyId")
        headers = {k.lower(): v for k, v in self.headers.items()}
        signed = parts["SignedHeaders"].split(";")
        must = {"host"} | {h for h in headers if h.startswith("x-amz-")}
        if signed != sorted(signed) or not must <= set(signed):
            raise Refused(403, "AccessDenied", "Headers that are not signed.")
        if headers.get("x-amz-security-token") != TOKEN:
            raise Refused(400, "InvalidToken")
        right = signature(self.command, "http://" + headers["host"] + self.path,
                          {name: headers[name] for name in signed})
        if right != parts["Signature"]:
            raise Refused(403, "SignatureDoesNotMatch")

    def read_body(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if (hashlib.sha256(body).hexdigest() !=
                self.headers["x-amz-content-sha256"]):
            raise Refused(400, "XAmzContentSHA256Mismatch")
        return body

    # What it answers. ------------------------------------------------------

    def answer(self, status, body=b"", cut=None, **headers):
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(usegmt=True))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def refuse(self, status, code, message):
        self.answer(status, (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
            "</Error>").encode())

    # KIND is done in place of, or to, a right answer. True: that was all.
    def fail(self, kind):
        if kind == "500":
            self.refuse(500, "InternalError", "We are sorry.")
        elif kind == "503":
            self.refuse(503, "SlowDown", "Please come again.")
        elif kind == "expired":
            self.refuse(400, "ExpiredToken", "The token has expired.")
        elif kind == "late":  # a copy's status is sent before it is made
            self.refuse(200, "InternalError", "We are sorry.")
        elif kind == "cut":  # no answer
            self.close_connection = True
        elif kind == "silent":
            time.sleep(3600)
        elif kind == "half" or kind == "wrong":
            self.kind = kind
            return False
        else:
            sys.exit("no such fault: " + kind)
        return True

    def next_fault(self):
        with lock, open("faults", "a+") as file:
            file.seek(0)
            lines = [line.split() for line in file]
            for line in lines:
                if line[0] == self.command and int(line[1]) > 0:
                    line[1] = str(int(line[1]) - 1)
                    file.truncate(0)
                    file.writelines(" ".join(l) + "\n" for l in lines)
                    return line[2]
        return None

    # Objects. ---------------------------------------------------------------

    def list(self, bucket, query):
        prefix = query.get("prefix", "")
        after = base64.b64decode(query.get("continuation-token", "")).decode()
        base = os.path.join("objects", bucket)
        keys = sorted(os.path.relpath(os.path.join(folder, name), base)
                      for folder, _, names in os.walk(base) for name in names)
        keys = [k for k in keys if k.startswith(prefix) and k > after]
        size = min(int(query.get("max-keys", PAGE)), PAGE)
        text = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://x\">"
        text += f"<IsTruncated>{'true' if keys[size:] else 'false'}"
        text += "</IsTruncated>"
        for key in keys[:size]:
            # Whole seconds, as of HEAD.
            when = time.gmtime(os.stat(os.path.join(base, key)).st_mtime)
            text += (f"<Contents><Key>{escape(key)}</Key><LastModified>"
                     f"{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', when)}"
                     "</LastModified></Contents>")
        if keys[size:]:
            token = base64.b64encode(keys[size - 1].encode()).decode()
            text += ("<NextContinuationToken>" + escape(token) +
                     "</NextContinuationToken>")
        self.answer(200, (text + "</ListBucketResult>").encode())

    def put(self, file):
        body = self.read_body()
        source = self.headers.get("x-amz-copy-source")
        if source is not None:
            directive = self.headers.get("x-amz-metadata-directive")
            if source != "/" + os.path.relpath(file, "objects"):
                raise Refused(400, "InvalidArgument")
            if directive != "REPLACE":
                raise Refused(400, "InvalidRequest", "Nothing would change.")
            if not os.path.isfile(file):
                raise Refused(404, "NoSuchKey")
            os.utime(file)
            self.answer(200, b"<CopyObjectResult></CopyObjectResult>")
            return
        os.makedirs(os.path.dirname(file), exist_ok=True)
        made = file + f".{threading.get_ident()}"
        with open(made, "wb") as out:
            out.write(body)
        os.rename(made, file)
        self.answer(200)

    def get(self, file):
        if not os.path.isfile(file):
            raise Refused(404, "NoSuchKey")
        with open(file, "rb") as stream:
            body = stream.read()
            when = os.fstat(stream.fileno()).st_mtime
        length = str(len(body))
        if self.kind == "wrong":
            body = bytes([body[0] ^ 1]) + body[1:]
        cut = len(body) // 2 if self.kind == "half" else None
        self.answer(200, body, cut, Content_Length=length,
                    Last_Modified=email.utils.formatdate(when, usegmt=True))

    def delete(self, file):
        if os.path.isfile(file):
            os.unlink(file)
        self.answer(204)

    def handle_request(self):
        url = urllib.parse.urlsplit(self.path)
        bucket, _, key = urllib.parse.unquote(url.path)[1:].partition("/")
        file = os.path.join("objects", bucket, key)
        with lock, open("requests", "a") as out:
            out.write(f"{self.command} {self.path}\n")
        self.kind = None
        try:
            self.check_signature()
            fault = self.next_fault()
            if fault is not None and self.fail(fault):
                self.close_connection = True  # what it sends is not read
                return
            if not os.path.isdir(os.path.join("objects", bucket)):
                raise Refused(404, "NoSuchBucket")
            if key == "":
                self.list(bucket, dict(urllib.parse.parse_qsl(url.query)))
            elif self.command == "PUT":
                self.put(file)
            elif self.command == "DELETE":
                self.delete(file)
            else:
                self.get(file)
        except Refused as refused:
            self.close_connection = True
            self.refuse(refused.status, refused.code, refused.message)

    do_GET = do_HEAD = do_PUT = do_DELETE = handle_request


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # it went away
            super().handle_error(request, client_address)


def main():
    os.chdir(sys.argv[1])
    os.makedirs("objects", exist_ok=True)
    server = Server(("127.0.0.1", 0), Handler)
    safe = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    safe.socket = context.wrap_socket(safe.socket, server_side=True)
    threading.Thread(target=safe.serve_forever, daemon=True).start()
    with open("port.new", "w") as file:
        file.write(f"{server.server_address[1]} {safe.server_address[1]}")
    os.rename("port.new", "port")
    server.serve_forever()


main()
