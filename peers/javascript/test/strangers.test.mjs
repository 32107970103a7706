// What strangers and ill-meaning members may do, and what it must not lead to.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Codec } from "../codec.mjs";
import { PeerMachine } from "../machine.mjs";
import { LIMITS, makeRun, makeTiming } from "../parameters.mjs";
import { generator } from "../random.mjs";
import { authorOf } from "../seal.mjs";

const run = makeRun({ pool: 40, probes: 4, rounds_per_ballot: 2, spreading: "broadcast" });
const identity = (number) => number.toString(16).padStart(64, "0");
const place = (number) => `tcp://10.0.0.2:${1 + (number % 60_000)}`;
const codec = (number) => new Codec(run, { author: authorOf(identity(number)), identity: identity(number) });

/** A peer in round 0 that waits for the member 1, who never votes; and what it wants done. */
class Scene {
  now = 0;
  done = [];

  constructor(options = {}) {
    this.machine = new PeerMachine({
      run, timing: makeTiming({ rounds: 1000 }), secret: "11".repeat(32), instance: "22".repeat(8),
      random: generator(1), greases: false, ...options,
    });
    this.machine.start({ endpoint: "tcp://10.0.0.1:1" }, 0);
    this.hello(1);
    assert.equal(this.machine.rounds.phase, "OPEN");
  }

  give(link, frame) {
    const outcome = this.machine.receive(link, [frame], this.now);
    for (let effects = this.machine.drain(); effects.length; effects = this.machine.drain()) {
      for (const effect of effects) {
        if (effect.do === "vote") this.machine.cast(effect.round, { labels: effect.ids.map(() => 1) }, this.now);
        if (effect.event?.event === "fault") throw new Error(effect.event.text);
        this.done.push(effect);
      }
    }
    return outcome;
  }

  hello(number, fields = {}) {
    return this.give(`link ${number}`, codec(number).encode({
      kind: "HELLO", agent: "", endpoint: place(number), identity: identity(number),
      instance: identity(number).slice(48), known: 1, met: true, run: run.digest, versions: [1, 1], start: 0,
      ...fields,
    }));
  }

  say(number, message) {
    return this.give(`link ${number}`, codec(number).encode(message));
  }
}

test("who comes, asks and goes leaves nothing behind", () => {
  const scene = new Scene();
  const { machine } = scene;
  for (let number = 10; number < 3000; number++) {
    scene.hello(number);
    scene.say(number, { kind: "WANT", entries: [[machine.me.author, 4]] });
    scene.say(number, { kind: "BYE", code: 0, text: "" });
  }
  assert.equal(machine.members.all().length, LIMITS.members);
  assert.ok(machine.members.all().filter(({ promised }) => promised.size).length <= LIMITS.members);
  assert.equal(machine.lines.endpoints().length, 1);
  // A member that was forgotten has to say HELLO again.
  assert.equal(scene.say(10, { kind: "PING", nonce: 1, roster: 0 }).reason, "EARLY");
});

test("who names another's endpoint cannot take its line away", () => {
  const scene = new Scene();
  scene.hello(2, { endpoint: place(1) });
  scene.say(2, { kind: "BYE", code: 0, text: "" });
  assert.ok(scene.machine.lines.has(place(1)));
  scene.hello(3, { endpoint: place(1) });
  scene.hello(3);
  assert.ok(scene.machine.lines.has(place(1)) && scene.machine.lines.has(place(3)));
});

test("made-up endpoints give way to members", () => {
  const scene = new Scene({ lines: 8 });
  const endpoints = Array.from({ length: 20 }, (_, i) => `tcp://10.9.0.1:${i + 1}`);
  scene.say(1, { kind: "PEERS", endpoints });
  assert.equal(scene.machine.lines.endpoints().length, 8);
  for (let number = 2; number < 6; number++) scene.hello(number);
  for (let number = 1; number < 6; number++) assert.ok(scene.machine.lines.has(place(number)));
  assert.equal(scene.machine.lines.endpoints().length, 8);
});

test("refusals are shown at a bounded rate", () => {
  const scene = new Scene();
  const shown = () => scene.done.filter(({ event }) => event?.event === "refused").length;
  for (let i = 0; i < 1000; i++) {
    assert.equal(scene.give("stranger", Buffer.from([0x55, 0])).reason, "TYPE");
    scene.say(1, { kind: "ERROR", code: i % 256, text: "x" });
  }
  assert.ok(shown() > 2 && shown() < 20, `${shown()} shown`);
  scene.now += 1;
  const before = shown();
  scene.give("stranger", Buffer.from([0x55, 0]));
  assert.equal(shown(), before + 1);
});

test("ballots kept for a round that others made up are forgotten with it", () => {
  const machine = new Scene().machine;
  const late = new PeerMachine({
    run, timing: makeTiming(), secret: "33".repeat(32), instance: "44".repeat(8), random: generator(1),
  });
  late.start({ endpoint: "tcp://10.0.0.1:1", seeds: ["tcp://10.0.0.9:1"] }, 0);
  const hello = (round, instance) => late.receive("a", [codec(1).encode({
    kind: "HELLO", agent: "", endpoint: place(1), identity: identity(1), instance, known: 1, met: true,
    round, run: machine.run.digest, versions: [1, 1],
  })], 0);
  for (let i = 0; i < 50; i++) {
    const round = 10_000 * (i + 1);
    hello(round, identity(i).slice(48));
    const frame = codec(2).encode({ kind: "VOTE", author: "ab".repeat(8), round, votes: "11".repeat(4) });
    assert.equal(late.receive("a", [frame], 0).verdict, "accept");
  }
  const held = Array.from({ length: 50 }, (_, i) => 10_000 * (i + 1)).filter((round) => late.ledger.has(round));
  assert.deepEqual(held, [500_000]);
});
