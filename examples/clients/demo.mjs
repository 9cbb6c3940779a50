// SPDX-License-Identifier: Apache-2.0
//
// demo.mjs [ENDPOINT] - buy something of cart.c, and be the one who charges.
import { Client, work } from "./weft.mjs";

const endpoint = process.argv[2] ?? "tcp://127.0.0.1:7400";

const charge = (bill, task) => // task.key is the same for each attempt
  `${bill.cents} cents for ${bill.cart}`;

let isDone = false;
const client = new Client(endpoint, { label: "customer and cashier" });
const worker = work(client, "payments", { charge }, () => isDone);
const cart = { kind: "cart", id: `node ${Date.now()}` };
await client.call("start", cart);
for (const cents of [250, 400]) {
  await client.call("signal", { ...cart, name: "add", data: { cents } });
}
console.log("total", (await client.call("query", { ...cart, name: "total" })).data);
console.log("due", (await client.call("update", { ...cart, name: "coupon", data: { off: 50 } })).data);
await client.call("update", { ...cart, name: "coupon", data: { off: 5000 } })
  .catch((error) => console.log("refused:", error.failure.message));
await client.call("signal", { ...cart, name: "checkout" });
console.log("result", (await client.call("result", cart)).data);
isDone = true;
await worker;
client.close();
