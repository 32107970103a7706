// The machine on a real network: one ROUTER, a DEALER for each line, a clock and a contributor.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setImmediate as breathe } from "node:timers/promises";

import * as zmq from "zeromq";

import { isEncrypted } from "./endpoints.mjs";
import { LIMITS } from "./parameters.mjs";

const HIGH_WATER = 500; // messages in each of ZeroMQ's queues (FRAME-5)
const BUFFER = 2 ** 24; // bytes of ballots that one line may hold back, about
const LINGER = 1000; // ms in which what was sent last may still leave
const BACK_OFF = 2000; // ms between attempts to reach who does not listen
const LONGEST = 2 ** 31 - 1; // ms that a timer can wait

zmq.context.maxSockets = 4 * LIMITS.members + 64; // each DEALER has a pair of sockets for its monitor

/** How many DEALERs there may be: four files each, and a quarter of all is left to those who dial in. */
export function roomForLines() {
  let files = 1024; // where the system does not say
  try {
    files = Number(/Max open files\s+([0-9]+)/.exec(readFileSync("/proc/self/limits", "ascii"))[1]);
  } catch {
    // not Linux
  }
  return Math.max(20, Math.floor((files * 3) / 16));
}

/** A ROUTER that listens at `address`; throws Error in a sentence. */
export async function listen(address) {
  const router = new zmq.Router({
    maxMessageSize: LIMITS.frame, // FRAME-5
    receiveHighWaterMark: HIGH_WATER,
    linger: 0,
    handover: false, // FRAME-3
  });
  try {
    await router.bind(address);
  } catch (error) {
    router.close();
    throw new Error(`cannot listen at ${address}: ${error.message}`);
  }
  return router;
}

/** One DEALER. zeromq.js allows one send at a time, so frames wait in a queue of their own. */
export class Line {
  #queue = [];
  #sending = false;
  #closing = false;

  constructor(endpoint, lost, most = HIGH_WATER) {
    this.most = most;
    this.dealer = new zmq.Dealer({
      routingId: Buffer.concat([Buffer.from([1]), randomBytes(8)]), // FRAME-3
      sendHighWaterMark: most,
      receiveHighWaterMark: 1, // FRAME-2: nothing is to come back, and who sends it all the same
      maxMessageSize: LIMITS.frame, // is not read, nor can fill the memory by one message
      sendTimeout: 0,
      linger: LINGER,
      reconnectMaxInterval: BACK_OFF,
    });
    try {
      this.dealer.events.on("disconnect", () => this.#closing || lost());
      this.dealer.connect(endpoint);
    } catch (error) {
      this.dealer.close();
      throw error;
    }
  }

  send(frame) {
    if (this.#queue.length >= this.most) return; // dropped, FRAME-5
    this.#queue.push(frame);
    if (!this.#sending) this.#drain();
  }

  async #drain() {
    this.#sending = true;
    while (this.#queue.length && !this.dealer.closed) {
      try {
        await this.dealer.send(this.#queue.shift());
      } catch {
        // EAGAIN: its own queue is full too, and nothing depends on one message (FRAME-5)
      }
    }
    this.#sending = false;
    if (this.#closing) this.dealer.close();
  }

  close() {
    this.#closing = true;
    if (!this.#sending) this.dealer.close();
  }
}

export class Node {
  #lines = new Map();
  #leaving = 0; // closed lines that may still hold files
  #timer = null;
  #finished;
  #error = null;
  sent = 0; // bytes of frames
  received = 0;

  /** `contributor`: `vote(round, ids)` and `learn(round, tallies)`, which may be asynchronous.
   * `tell`: is handed every event for people. */
  constructor(machine, router, contributor, tell) {
    Object.assign(this, { machine, router, contributor, tell });
    const { votes, bits } = machine.run;
    const ballot = 100 + Math.ceil((votes * bits) / 8);
    this.most = Math.min(HIGH_WATER, Math.max(32, Math.floor(BUFFER / ballot))); // of a line's messages
    this.room = roomForLines();
  }

  /** Take part until the machine has finished; its `completed` and `text`. */
  async run(started) {
    const done = new Promise((resolve) => (this.#finished = resolve));
    this.machine.start(started, this.#now());
    this.#obey();
    const receiving = this.#receive();
    const outcome = await done;
    clearTimeout(this.#timer);
    for (const line of this.#lines.values()) line.close();
    this.router.close();
    await receiving;
    return outcome;
  }

  stop() {
    this.#event((machine, now) => machine.stop(now));
  }

  #now() {
    return performance.now() / 1000; // never goes back (TIMING-1)
  }

  async #receive() {
    try {
      for await (const [link, ...frames] of this.router) {
        for (const frame of frames) this.received += frame.length;
        try {
          this.#event((machine, now) => machine.receive(link.toString("hex"), frames, now));
        } catch (error) { // whatever a stranger sends, this loop goes on
          this.tell({ event: "fault", text: String(error.stack) });
        }
        await breathe(); // a flood of messages must not keep timers and signals waiting
      }
    } catch (error) {
      if (!this.router.closed) throw error;
    }
  }

  #event(happen) {
    happen(this.machine, this.#now());
    this.#obey();
  }

  #obey() {
    for (const effect of this.machine.drain()) this[`_${effect.do}`](effect);
    clearTimeout(this.#timer);
    const due = this.machine.due();
    if (due === Infinity) return;
    // Up to a millisecond late, never early: a timer that fires early would fire again at once.
    const wait = Math.min(LONGEST, Math.max(0, Math.ceil((due - this.#now()) * 1000)));
    this.#timer = setTimeout(() => this.#event((machine, now) => machine.tick(now)), wait);
  }

  // --- effects ------------------------------------------------------------------------------------

  _open({ endpoint }) {
    this._close({ endpoint });
    if (isEncrypted(endpoint)) return; // nobody here speaks CURVE (ENDPOINT-6)
    let line;
    const lost = () => { // unless that is news of an earlier line
      if (this.#lines.get(endpoint) === line) this.#event((machine, now) => machine.lost(endpoint, now));
    };
    try {
      if (this.#lines.size + this.#leaving >= this.room) throw new Error("too many lines");
      line = new Line(endpoint, lost, this.most);
      this.#lines.set(endpoint, line);
    } catch {
      // No files are left, or not for this: as if the connection had broken, so it is tried again.
      setTimeout(lost, BACK_OFF).unref();
    }
  }

  _send({ endpoint, frame }) {
    this.sent += frame.length;
    this.#lines.get(endpoint)?.send(frame);
  }

  _close({ endpoint }) {
    const line = this.#lines.get(endpoint);
    if (!line) return;
    this.#lines.delete(endpoint);
    line.close();
    this.#leaving += 1;
    setTimeout(() => (this.#leaving -= 1), LINGER).unref();
  }

  _vote({ round, ids }) {
    this.#ask(() => this.contributor.vote(round, ids), (machine, vote, now) => machine.cast(round, vote, now));
  }

  _learn({ round, tallies }) {
    this.#ask(() => this.contributor.learn(round, tallies), (machine, _, now) => machine.learned(round, now));
  }

  _tell({ event }) {
    this.tell(event);
  }

  _finish({ completed, text }) {
    this.#finished({ completed, text, error: this.#error });
  }

  /** Let the contributor work; what it says is an event of its own. */
  async #ask(work, then) {
    await breathe();
    try {
      const answer = await work();
      this.#event((machine, now) => then(machine, answer, now));
    } catch (error) {
      this.#error = error; // the learner's fault: say goodbye, then tell
      this.stop();
    }
  }
}
