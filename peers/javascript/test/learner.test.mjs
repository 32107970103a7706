// What a learner does with a run: whom it listens to, when it holds its tongue, what it takes as data.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pack } from "../bits.mjs";
import { makeShard } from "../data.mjs";
import { Learner } from "../learner.mjs";
import { makeRun } from "../parameters.mjs";
import { deriveIds } from "../probes.mjs";
import { generator } from "../random.mjs";
import { tally } from "../tally.mjs";

const CENTRES = [[0, 0], [4, 0], [0, 4]];
const RUN = makeRun({ classes: 3, pool: 60, probes: 6, rounds_per_ballot: 4 });

/** Points around three centres; the shard has been told of some classes only. */
function shard(known, seed) {
  const random = generator(seed);
  const shared = generator(99);
  const around = (c, chance) => CENTRES[c].map((x) => x + chance() - 0.5);
  const spread = (count, chance) => Array.from({ length: count }, (_, i) => around(i % 3, chance));
  const labels = Array.from({ length: 60 }, (_, i) => known[i % known.length]);
  return makeShard({
    classes: 3,
    train: { inputs: labels.map((c) => around(c, random)), labels },
    probes: { inputs: spread(60, shared) },
    test: { inputs: spread(90, shared), labels: Array.from({ length: 90 }, (_, i) => i % 3) },
  });
}

function learner(known, seed, rounds = 80, run = RUN) {
  const told = [];
  const made = new Learner({ run, shard: shard(known, seed), rounds, tell: (e) => told.push(e), seed });
  return { made, told };
}

const ballotOf = (run, author, round, labels) =>
  ({ author, round, votes: pack(labels, run.bits).toString("hex") });

test("two that know different classes teach each other", async () => {
  const peers = [learner([0, 1], 1), learner([2, 1], 2)];
  for (let round = 0; round < 80; round += 4) {
    const ids = deriveIds(RUN.id, round, RUN.pool, RUN.votes);
    const ballots = peers.map(({ made }, i) =>
      ballotOf(RUN, `000000000000000${i}`, round, made.vote(round, ids).labels));
    for (const { made } of peers) await made.learn(round, [tally(RUN, round, ballots)]);
  }
  for (const { made, told } of peers) {
    made.farewell();
    const end = told.at(-1);
    assert.ok(end.accuracy > 0.95 && end.alone < 0.7, JSON.stringify(end));
    assert.equal(told.filter(({ event }) => event === "progress").length, 10);
  }
});

test("its own vote alone teaches nothing", async () => {
  const { made } = learner([0, 1], 1);
  for (let round = 0; round < 80; round += 4) {
    const ids = deriveIds(RUN.id, round, RUN.pool, RUN.votes);
    const ballot = ballotOf(RUN, "0000000000000000", round, made.vote(round, ids).labels);
    await made.learn(round, [tally(RUN, round, [ballot])]);
  }
  assert.deepEqual(made.together.softmax.weights, made.alone.softmax.weights);
});

test("before it has learnt anything it abstains, unless the run has no abstention", () => {
  const ids = Array.from({ length: 24 }, (_, i) => i);
  assert.ok(learner([0], 1).made.vote(0, ids).labels.every((label) => label === 3));
  const run = makeRun({ classes: 3, pool: 60, probes: 6, rounds_per_ballot: 4, abstain: false });
  assert.ok(learner([0], 1, 80, run).made.vote(0, ids).labels.every((label) => label < 3));
});

test("where it may choose, it takes as many probes as fit, ascending, narrow ones first", async () => {
  const run = makeRun({ classes: 3, pool: 60, probes: 6, rounds_per_ballot: 4, ids: "explicit" });
  const { made } = learner([0, 1], 1, 80, run);
  const first = made.vote(0, null).ids;
  assert.equal(new Set(first).size, 24);
  assert.deepEqual(first, [...first].sort((a, b) => a - b));
  const said = (author) => ({ ...ballotOf(run, author, 0, first.map(() => 0)), ids: first });
  await made.learn(0, [tally(run, 0, [said("0000000000000000"), said("0000000000000001")])]);
  assert.ok(made.vote(4, null).ids.every((id) => !first.includes(id)), "others were never decided");
});

test("probes that are not the run's are refused", () => {
  const run = makeRun({ classes: 3, pool: 60, probes: 6, rounds_per_ballot: 4, pool_digest: "ab".repeat(32) });
  assert.throws(() => learner([0], 1, 80, run), /probes/);
  assert.throws(() => learner([0], 1, 80, makeRun({ pool: 60, probes: 4, rounds_per_ballot: 2 })), /classes/);
});

for (const [name, change] of Object.entries({
  "a label too high": (json) => json.train.labels.fill(3),
  "rows of another length": (json) => json.train.inputs.push([1]),
  "numbers that are none": (json) => (json.probes.inputs[0][0] = null),
  "a shape of another size": (json) => (json.shape = [3]),
  "no examples": (json) => (json.train = { inputs: [], labels: [] }),
})) {
  test(`no shard: ${name}`, () => {
    const json = {
      classes: 3, shape: [2], train: { inputs: [[0, 1]], labels: [0] }, probes: { inputs: [[0, 1]] },
    };
    makeShard(structuredClone(json));
    change(json);
    assert.throws(() => makeShard(json));
  });
}
