# SPDX-License-Identifier: Apache-2.0
#
# scenario.py WHAT ENDPOINT - what drive.py has each client do; scenario.mjs is
# the same for weft.mjs. WHAT is calls, order or worker.
import sys, threading
from weft import Client, WeftError, work


def refused(code, cls, call):
    try:
        call()
    except WeftError as error:
        assert (error.code, error.cls) == (code, cls), error
        return error
    raise AssertionError(f"no {code}")


def calls(client):
    cart = {"kind": "cart", "id": "1"}
    assert client.start(**cart)["is_created"]
    refused("WEFT_EEXISTS", "FINAL", lambda: client.start(**cart))
    assert not client.start(**cart, conflict="use_existing").get("is_created")
    for cents in 300, 40:
        client.signal(**cart, name="add", data={"cents": cents})
    assert client.query(**cart, name="total")["data"] == {"count": 2, "cents": 340}
    assert client.update(**cart, name="coupon", data={"off": 20})["data"] == 320
    error = refused("WEFT_EFAILED", "FINAL", lambda: client.update(
        **cart, name="coupon", data={"off": 1000}))
    assert error.failure["name"] == "bad_coupon", error.failure
    likes = {"kind": "likes", "id": "a"}
    assert client.ask(**likes, name="add", data={"amount": 2})["data"] == 2
    assert client.ask(**likes, name="add", data={"amount": 3})["data"] == 5
    assert client.query(**likes, name="value")["data"] == 5
    refused("WEFT_ENOTFOUND", "FINAL", lambda: client.signal(
        kind="cart", id="none", name="add", data={}))
    error = refused("WEFT_EINVAL", "CALLER", lambda: client.start(**cart, colour=1))
    assert "colour" in str(error), error
    refused("WEFT_ETOOBIG", "CALLER", lambda: client.signal(
        **cart, name="add", data=bytes(3 << 20)))
    refused("WEFT_ETOOBIG", "CALLER", lambda: client.signal(
        **cart, name="add", data=bytes(6 << 20)))
    error = refused("WEFT_ETIMEDOUT", "UNKNOWN", lambda: client.result(**cart, wait_ms=50))
    client.signal(**cart, name="leave")
    assert client.result(**cart)["data"] == {
        "items": [300, 40], "cents": 320, "receipt": None}
    refused("WEFT_EFINISHED", "FINAL", lambda: client.signal(**cart, name="add"))
    pages(client)


def pages(client):
    numbers = [client.send("start", kind="cart", id=f"page {i}") for i in range(25)]
    for number in numbers:
        client.wait(number)
    seen, cursor = [], {}
    while True:
        page = client.list(kind="cart", status="running", limit=10, **cursor)
        seen += [instance["id"] for instance in page["instances"]]
        if not page.get("cursor"):
            break
        cursor = {"cursor": page["cursor"]}
    assert sorted(seen) == sorted(f"page {i}" for i in range(25)), seen


def order(client):
    cart = {"kind": "cart", "id": "in order"}
    client.start(**cart)
    ended = client.send("result", **cart)  # waits over all that breaks
    numbers = [client.send("signal", **cart, name="add", data={"cents": i})
               for i in range(1000)]
    for number in numbers:
        client.wait(number)
    client.signal(**cart, name="leave")
    assert client.wait(ended)["data"]["items"] == list(range(1000))


def worker(client):
    attempts = []

    def charge(bill, task):
        attempts.append(task["attempt"])
        if task["attempt"] == 1 and bill["cents"] == 7:
            raise ValueError("come again")
        return f"{bill['cents']} cents of {bill['cart']}"

    leaves = threading.Event()
    at_work = threading.Thread(target=lambda: work(
        Client(sys.argv[2], label="a worker"), "payments", {"charge": charge},
        leaves.is_set))
    at_work.start()
    try:
        for cents in 5, 7:
            cart = {"kind": "cart", "id": f"paid {cents}"}
            client.start(**cart)
            client.signal(**cart, name="add", data={"cents": cents})
            client.signal(**cart, name="checkout")
            receipt = client.result(**cart)["data"]["receipt"]
            assert receipt == f"{cents} cents of paid {cents}", receipt
    finally:
        leaves.set()
        at_work.join()
    assert attempts == [1, 1, 2], attempts


globals()[sys.argv[1]](Client(sys.argv[2], label=sys.argv[1]))
