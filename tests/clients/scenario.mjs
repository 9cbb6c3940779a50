// SPDX-License-Identifier: Apache-2.0
//
// scenario.mjs WHAT ENDPOINT - what scenario.py does, with weft.mjs.
import assert from "node:assert/strict";
import { Client, WeftError, work } from "./weft.mjs";

const [what, endpoint] = process.argv.slice(2);
const numbers = (count) => Array.from({ length: count }, (_, i) => i);

async function refused(code, kind, call) {
  const error = await call.then(() => assert.fail(`no ${code}`), (e) => e);
  assert(error instanceof WeftError, error);
  assert.deepEqual([error.code, error.class], [code, kind], error.message);
  return error;
}

const scenarios = {
  async calls(client) {
    const cart = { kind: "cart", id: "1" };
    const call = (verb, fields) => client.call(verb, { ...cart, ...fields });
    assert((await call("start")).is_created);
    await refused("WEFT_EEXISTS", "FINAL", call("start"));
    assert(!(await call("start", { conflict: "use_existing" })).is_created);
    for (const cents of [300, 40]) await call("signal", { name: "add", data: { cents } });
    assert.deepEqual((await call("query", { name: "total" })).data, { count: 2, cents: 340 });
    assert.equal((await call("update", { name: "coupon", data: { off: 20 } })).data, 320);
    const bad = await refused("WEFT_EFAILED", "FINAL",
      call("update", { name: "coupon", data: { off: 1000 } }));
    assert.equal(bad.failure.name, "bad_coupon");
    const likes = { kind: "likes", id: "a" };
    for (const [amount, sum] of [[2, 2], [3, 5]]) {
      const answer = await client.call("ask", { ...likes, name: "add", data: { amount } });
      assert.equal(answer.data, sum);
    }
    assert.equal((await client.call("query", { ...likes, name: "value" })).data, 5);
    await refused("WEFT_ENOTFOUND", "FINAL", call("signal", { id: "none", name: "add" }));
    const unknown = await refused("WEFT_EINVAL", "CALLER", call("start", { colour: 1 }));
    assert.match(unknown.message, /colour/);
    for (const size of [3, 6]) {
      await refused("WEFT_ETOOBIG", "CALLER",
        call("signal", { name: "add", data: new Uint8Array(size << 20) }));
    }
    await refused("WEFT_ETIMEDOUT", "UNKNOWN", call("result", { wait_ms: 50 }));
    await call("signal", { name: "leave" });
    assert.deepEqual((await call("result")).data, { items: [300, 40], cents: 320, receipt: null });
    await refused("WEFT_EFINISHED", "FINAL", call("signal", { name: "add" }));
    await pages(client);
  },

  async order(client) {
    const cart = { kind: "cart", id: "in order" };
    await client.call("start", cart);
    const ended = client.call("result", cart); // waits over all that breaks
    await Promise.all(numbers(1000).map((cents) =>
      client.call("signal", { ...cart, name: "add", data: { cents } })));
    await client.call("signal", { ...cart, name: "leave" });
    assert.deepEqual((await ended).data.items, numbers(1000));
  },

  async worker(client) {
    const attempts = [];
    const charge = async (bill, task) => {
      attempts.push(task.attempt);
      if (task.attempt === 1 && bill.cents === 7) throw new Error("come again");
      return `${bill.cents} cents of ${bill.cart}`;
    };
    let leaves = false;
    const other = new Client(endpoint, { label: "a worker" });
    const atWork = work(other, "payments", { charge }, () => leaves);
    for (const cents of [5, 7]) {
      const cart = { kind: "cart", id: `paid ${cents}` };
      await client.call("start", cart);
      await client.call("signal", { ...cart, name: "add", data: { cents } });
      await client.call("signal", { ...cart, name: "checkout" });
      const { data } = await client.call("result", cart);
      assert.equal(data.receipt, `${cents} cents of paid ${cents}`);
    }
    leaves = true;
    await atWork;
    other.close();
    assert.deepEqual(attempts, [1, 1, 2]);
  },
};

async function pages(client) {
  const ids = numbers(25).map((i) => `page ${i}`);
  await Promise.all(ids.map((id) => client.call("start", { kind: "cart", id })));
  const seen = [];
  let cursor;
  do {
    const more = cursor ? { cursor } : {};
    const page = await client.call("list", { kind: "cart", status: "running", limit: 10, ...more });
    seen.push(...page.instances.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor);
  assert.deepEqual(seen.sort(), ids.sort());
}

const client = new Client(endpoint, { label: what });
await scenarios[what](client);
client.close();
