// Machines on a wire in memory, with a clock of their own: tallies, loss, restarts, farewells.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PeerMachine } from "../machine.mjs";
import { makeRun, makeTiming } from "../parameters.mjs";
import { generator } from "../random.mjs";
import { Voter } from "../voter.mjs";

const RUN = { classes: 10, pool: 40, probes: 4, rounds_per_ballot: 2 };

/** Peers that reach one another after 10 ms, or not at all. */
class World {
  now = 0;
  peers = [];
  queue = []; // [time, order, what happens]
  order = 0;

  constructor(run, { loss = 0, seed = 1, timing = {} } = {}) {
    this.run = makeRun({ ...RUN, ...run });
    this.random = generator(seed);
    this.loss = loss;
    this.timing = makeTiming({ rounds: 12, ...timing });
  }

  add(index, seeds, fresh = false) {
    const life = this.peers.length;
    const machine = new PeerMachine({
      run: this.run, timing: this.timing, secret: String(index + 10).repeat(32),
      instance: String(life + 10).repeat(8), random: generator(life + 1),
    });
    const peer = {
      life, machine, endpoint: `tcp://10.0.0.1:${1000 + life}`, tallies: {}, links: new Map(),
      finish: null, dead: false, asleep: false, missed: [],
      voter: new Voter(this.run, Array.from({ length: this.run.pool }, (_, id) => (id * (index + 1)) % 11)),
    };
    this.peers.push(peer);
    this.#happen(peer, () => machine.start({ endpoint: peer.endpoint, seeds, fresh }, this.now));
    return peer;
  }

  #later(delay, what) {
    this.queue.push([this.now + delay, this.order++, what]);
    this.queue.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  }

  #happen(peer, event) {
    if (peer.dead) return;
    if (peer.asleep) return void peer.missed.push(event);
    if (peer.missed.length) peer.missed.splice(0).forEach((late) => late());
    event();
    for (let effects = peer.machine.drain(); effects.length; effects = peer.machine.drain()) {
      for (const effect of effects) this.#obey(peer, effect);
    }
  }

  #obey(peer, { do: what, endpoint, frame, round, ids, event, ...rest }) {
    const { machine } = peer;
    if (what === "open") peer.links.set(endpoint, `${peer.life}-${this.order++}`);
    if (what === "send") {
      const link = peer.links.get(endpoint);
      if (!link || this.random() < this.loss) return;
      const bytes = Buffer.from(frame);
      this.#later(0.01, () => {
        const to = this.peers.find((p) => p.endpoint === endpoint && !p.dead);
        if (to) this.#happen(to, () => machine && to.machine.receive(link, [bytes], this.now));
      });
    }
    if (what === "vote") {
      this.#later(0.01, () => this.#happen(peer, () => machine.cast(round, peer.voter.vote(round, ids), this.now)));
    }
    const training = this.training?.(peer.life) ?? 0.1;
    if (what === "learn") this.#later(training, () => this.#happen(peer, () => machine.learned(round, this.now)));
    if (what === "tell" && event.event === "tally") peer.tallies[event.round] = event.digest;
    if (what === "tell" && event.event === "fault") throw new Error(event.text);
    if (what === "finish") peer.finish = { ...rest };
  }

  /** Let time pass until `done()`, at most `seconds`. */
  until(done, seconds = 300) {
    const end = this.now + seconds;
    while (!done()) {
      const dues = this.peers.filter((p) => !p.dead && !p.asleep).map((p) => [p.machine.due(), p]);
      const [due, peer] = dues.reduce((a, b) => (b[0] < a[0] ? b : a), [Infinity, null]);
      const next = this.queue[0]?.[0] ?? Infinity;
      this.now = Math.max(this.now, Math.min(due, next));
      assert.ok(this.now < end, `nothing came of it in ${seconds} s`);
      if (next <= due) this.queue.shift()[2]();
      else this.#happen(peer, () => peer.machine.tick(this.now));
    }
  }

  finished() {
    return this.peers.every((peer) => peer.dead || peer.finish);
  }
}

const RUNS = {
  "sampled": {},
  "broadcast": { spreading: "broadcast" },
  "explicit ids": { spreading: "broadcast", ids: "explicit" },
  "sealed": { spreading: "broadcast", seal: "ed25519" },
};

for (const [name, run] of Object.entries(RUNS)) {
  for (const loss of [0, 0.15]) {
    test(`five peers make their rounds: ${name}, ${loss * 100} % of messages lost`, () => {
      const world = new World(run, { loss, timing: { quorum: 5 } });
      const endpoints = [0, 1, 2, 3, 4].map((i) => `tcp://10.0.0.1:${1000 + i}`);
      for (let i = 0; i < 5; i++) world.add(i, endpoints, true);
      world.until(() => world.finished());
      for (const { finish, tallies } of world.peers) {
        assert.equal(finish.completed, true);
        assert.deepEqual(Object.keys(tallies), ["0", "2", "4", "6", "8", "10"]);
        if (world.run.spreading === "broadcast") assert.deepEqual(tallies, world.peers[0].tallies);
      }
      if (!loss) assert.ok(world.now < 5, `took ${world.now} s: somebody waited for nothing`);
    });
  }
}

for (const pace of ["bounded", "free"]) {
  test(`peers of unequal speed make their rounds at a ${pace} pace`, () => {
    const world = new World({ degree: 3 }, { timing: { quorum: 4, pace, rounds: 80 } });
    world.training = (life) => 0.02 * (life + 1) ** 2;
    const endpoints = [0, 1, 2, 3].map((i) => `tcp://10.0.0.1:${1000 + i}`);
    for (let i = 0; i < 4; i++) world.add(i, endpoints, true);
    const rounds = () => world.peers.map(({ machine }) => machine.rounds.voted ?? 0);
    let apart = 0;
    world.until(() => {
      apart = Math.max(apart, (Math.max(...rounds()) - Math.min(...rounds())) / 2);
      return world.finished();
    });
    assert.ok(world.peers.every(({ finish }) => finish.completed));
    if (pace === "bounded") assert.ok(apart <= 2, `${apart} ballots apart`); // staleness, and one
    else assert.ok(apart > 10, `only ${apart} ballots apart`);
  });
}

test("one that slept blames nobody, and catches up", () => {
  const world = new World({}, { timing: { quorum: 3, rounds: 1000, suspect_after: 1 } });
  const endpoints = [0, 1, 2].map((i) => `tcp://10.0.0.1:${1000 + i}`);
  for (let i = 0; i < 3; i++) world.add(i, endpoints, true);
  const [one, , three] = world.peers;
  world.until(() => one.machine.rounds.round >= 10);
  three.asleep = true;
  world.until(() => one.machine.rounds.round >= 400);
  three.asleep = false;
  world.until(() => three.machine.rounds.round >= 390, 20);
  assert.ok(world.peers.every(({ machine }) => machine.members.all().every((m) => m.state === "alive")));
  world.until(() => world.finished(), 600);
});

test("a ballot that came in neither way is mended by repair", () => {
  // With so little time to ask, rounds close without some ballots; DIGEST, HAVE and WANT bring them.
  const world = new World({ spreading: "broadcast" },
    { loss: 0.3, seed: 3, timing: { quorum: 4, deadline: 0.5, rounds: 60, gossip_interval: 0.2 } });
  const endpoints = [0, 1, 2, 3].map((i) => `tcp://10.0.0.1:${1000 + i}`);
  for (let i = 0; i < 4; i++) world.add(i, endpoints, true);
  world.until(() => world.peers.every(({ machine }) => machine.rounds.round >= 40));
  const old = Array.from({ length: 15 }, (_, i) => 2 * i);
  const hashes = (round) => new Set(world.peers.map(({ machine }) => machine.ledger.hash(round, 1)));
  assert.ok(world.peers.some((peer) => Object.entries(peer.tallies).some(([round, digest]) =>
    digest !== world.peers[0].tallies[round])), "nothing was lost, so nothing was mended");
  assert.deepEqual(old.filter((round) => hashes(round).size > 1), []);
});

test("one that is killed holds the others up for seconds, and joins again as itself", () => {
  const world = new World({}, { timing: { quorum: 3, rounds: 400 } });
  const endpoints = [0, 1, 2].map((i) => `tcp://10.0.0.1:${1000 + i}`);
  for (let i = 0; i < 3; i++) world.add(i, endpoints, true);
  const [one, , three] = world.peers;
  world.until(() => one.machine.rounds.round >= 10);
  three.dead = true;
  const killed = world.now;
  world.until(() => one.machine.rounds.round >= 40);
  assert.ok(world.now - killed < 12, `held up for ${world.now - killed} s`);
  const again = world.add(2, [one.endpoint]);
  world.until(() => world.finished(), 600);
  assert.equal(again.finish.completed, true);
  assert.ok(again.machine.rounds.first >= 40, "it begins behind its ballots of before");
  const common = Object.keys(again.tallies).filter((round) => round in one.tallies);
  assert.ok(common.length > 100);
  for (const round of common) assert.equal(again.tallies[round], one.tallies[round]);
});

test("one that is alone gives up", () => {
  const world = new World({});
  const peer = world.add(0, []);
  world.until(() => world.finished(), 61);
  assert.equal(peer.finish.completed, false);
});

test("rubbish on bound and unbound connections changes nothing", () => {
  const world = new World({}, { timing: { quorum: 2, rounds: 200 } });
  const one = world.add(0, []);
  world.add(1, [one.endpoint]);
  world.until(() => one.machine.rounds.round >= 4);
  const link = [...world.peers[1].links.values()][0];
  const random = generator(5);
  const seen = new Set();
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 256)));
    if (bytes.length > 1 && random() < 0.9) {
      bytes[0] = [1, 3, 4, 5, 6, 16, 17, 18, 19][i % 9]; // all but BYE, which it would believe
      bytes[1] = Math.floor(random() * 4);
    }
    const from = i % 2 ? link : "stranger";
    seen.add(one.machine.receive(from, [bytes], world.now).reason);
  }
  assert.ok(seen.size > 8 && !seen.has("INTERNAL"), [...seen].join());
  one.machine.drain();
  world.until(() => world.finished(), 600);
  assert.ok(world.peers.every(({ finish }) => finish.completed));
});
