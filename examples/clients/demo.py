# SPDX-License-Identifier: Apache-2.0
#
# demo.py [ENDPOINT] - buy something of cart.c, and be the one who charges.
import sys, threading, time
from weft import Client, WeftError, work

endpoint = (sys.argv[1:] or ["tcp://127.0.0.1:7400"])[0]


def charge(bill, task):  # task["key"] is the same for each attempt
    return f"{bill['cents']} cents for {bill['cart']}"


done = threading.Event()
worker = threading.Thread(target=lambda: work(
    Client(endpoint, label="cashier"), "payments", {"charge": charge}, done.is_set))
worker.start()
client = Client(endpoint, label="customer")
cart = {"kind": "cart", "id": f"python {time.time_ns()}"}
client.start(**cart)
for cents in 250, 400:
    client.signal(**cart, name="add", data={"cents": cents})
print("total", client.query(**cart, name="total")["data"])
print("due", client.update(**cart, name="coupon", data={"off": 50})["data"])
try:
    client.update(**cart, name="coupon", data={"off": 5000})
except WeftError as error:
    print("refused:", error.failure["message"])
client.signal(**cart, name="checkout")
print("result", client.result(**cart)["data"])
done.set()
worker.join()
