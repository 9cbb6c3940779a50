// SPDX-License-Identifier: Apache-2.0
//
// weft.mjs - a client and a worker of weft, after docs/formats/wire.md. `data`
// and `input` are whatever msgpack can say.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { decode, encode } from "@msgpack/msgpack";
import { Dealer } from "zeromq";

export class WeftError extends Error { // class: what to do; failure: that of user code
  constructor(error) { super(`${error.code}: ${error.text}`); Object.assign(this, error); }
}

export class Client {
  node = null; // what hello was answered with; null: nothing else is said
  speaksAt = 0; // when hello or a ping is due
  number = Date.now() * 1000; // an integer has 53 bits here
  waiting = []; // requests that the node has no room for yet
  pending = new Map(); // number: request, in order, for another hello

  constructor(endpoint, hello = {}) {
    this.hello = { version: 1, client: randomBytes(16), ...hello };
    // Nothing waits for a connection: hello tells what to send again.
    this.socket = new Dealer({ immediate: true, sendTimeout: 0, sendHighWaterMark: 0, linger: 0 });
    this.socket.connect(endpoint);
    this.timer = setInterval(() => Date.now() >= this.speaksAt &&
      (this.node ? this.#put("ping", 0, {}) : this.#put("hello", 0, this.hello)), 20);
    (async () => { for await (const [frame] of this.socket) this.#take(...decode(frame)); })()
      .catch((error) => this.close(error));
  }

  close(error = new WeftError({ code: "WEFT_ECLOSED", class: "FINAL" })) {
    clearInterval(this.timer);
    this.socket.close();
    for (const { reject } of [...this.pending.values(), ...this.waiting]) reject(error);
  }

  async call(verb, fields = {}) { // the fields of its answer
    fields = { ...fields };
    for (const key of ["data", "input"]) if (key in fields) fields[key] = encode(fields[key]);
    const size = encode(fields).length + 99; // and what is around it
    if (size > 5 << 20) throw new WeftError({ code: "WEFT_ETOOBIG", class: "CALLER", text: "message" });
    return new Promise((resolve, reject) => {
      this.waiting.push({ number: ++this.number, verb, fields, size, resolve, reject });
      this.#flush();
    });
  }

  #flush() { // as much as the node has room for
    let used = [...this.pending.values()].reduce((sum, { size }) => sum + size, 0);
    for (let next; this.node && (next = this.waiting[0]) && (!this.pending.size || this.pending.size
      < this.node.credit && used + next.size <= this.node.credit_bytes); used += next.size) {
      this.pending.set(next.number, this.waiting.shift());
      this.#put(next.verb, next.number, next.fields);
    }
  }

  #put(verb, number, fields) {
    this.speaksAt = Date.now() + 1000;
    const open = [...this.pending.values()].find((r) => !["result", "poll"].includes(r.verb));
    if (number) fields = { ...fields, confirmed: Math.min(number, open?.number ?? number) };
    this.socket.send(encode([verb, number, fields])).catch(() => { this.speaksAt = 0; });
  }

  #take(verb, number, fields) {
    if (verb === "bye" ? ["replaced", "revoked", "malformed"].includes(fields.code)
      : verb === "error" && !number) throw new WeftError(fields); // the latter: of hello
    const request = this.pending.get(number);
    if (verb === "bye" || fields.class === "UNKNOWN" && fields.code !== "WEFT_ETIMEDOUT") {
      this.node = null; // hello, and again what has no answer
      this.speaksAt = Date.now() + 50;
    } else if (verb === "ok" && !number && !this.node) {
      this.node = fields;
      for (const r of this.pending.values()) this.#put(r.verb, r.number, { ...r.fields, again: true });
    } else if (this.pending.delete(number)) {
      if (fields.data?.length) fields.data = decode(fields.data);
      verb === "ok" ? request.resolve(fields) : request.reject(new WeftError(fields));
    }
    this.#flush();
  }
}

export async function work(client, queue, activities, leaves = () => false) { // one at a time
  const failed = (e) => ["fail", { error_name: e.code ?? e.name, error_message: e.message }];
  while (!leaves()) {
    for (const task of (await client.call("poll", { queue, wait_ms: 2000 })).tasks ?? []) {
      const say = (verb, fields) => client.call(verb, { token: task.token, ...fields });
      const beat = setInterval(() => say("heartbeat", { data: task.progress })
        .catch((e) => { task.isCancelled = e.class !== "RETRY"; }), Math.min(task.heartbeat_ms || 9000, 9000) / 3);
      let last = await (async () => activities[task.name](decode(task.input ?? [0xc0]), task))()
        .then((data) => ["complete", { data }], failed);
      while (last) { // FINAL: that attempt is over
        last = await say(...last).then(() => null, (e) => (
          e.class === "RETRY" ? sleep(500, last) : e.class === "FINAL" ? null : failed(e)));
      }
      clearInterval(beat);
    }
  }
}
