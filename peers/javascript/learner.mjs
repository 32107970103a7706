// A peer that learns: it votes what its model thinks, and trains on its own data and towards the tally.
//
// Each round is some steps on private batches; the first of them is also pulled towards the tally on the
// round's probes. Beside it runs the same model without any exchange, to see what the swarm is good for.

import { setImmediate as breathe } from "node:timers/promises";

import { Adam, Features, Softmax, medianDistance } from "./model.mjs";
import { generator } from "./random.mjs";

/** How it learns. The first six are those of the package's peers (README.md says where they come from). */
export const RECIPE = {
  steps: 5, // of the optimiser in a round
  batch: 32, // private examples in a step
  pull: 3, // weight of the tally's term ...
  floor: 0.3, // ... which falls linearly to this share of itself at the last round
  warmup: 16, // rounds without it
  sure: 0.97, // no vote where the likeliest class has less than this
  features: 512,
  width: 0.6, // of the kernel, as a share of the median distance between probes
  rate: 0.03,
  decay: 1e-4,
  report: 8, // rounds between two lines about progress
};

export class Learner {
  #said = new Map(); // round -> ids of the own ballot

  constructor({ run, shard, rounds, tell, recipe = RECIPE, seed = 1 }) {
    if (shard.classes !== run.classes) {
      throw new Error(`the data has ${shard.classes} classes, the run ${run.classes}`);
    }
    const unnamed = run.pool_digest === "0".repeat(64);
    if (shard.probes.count !== run.pool || (!unnamed && shard.poolDigest !== run.pool_digest)) {
      throw new Error("the probes of the data are not those of the run"); // RUN-4
    }
    const random = generator(seed);
    const width = recipe.width * medianDistance(shard.probes, random);
    const features = new Features(shard.probes.length, recipe.features, width, random);
    Object.assign(this, { run, rounds, tell, recipe, random, shard });
    this.train = features.of(shard.train);
    this.probes = features.of(shard.probes);
    this.test = shard.test && features.of(shard.test);
    this.together = this.#model(features.size);
    this.alone = this.#model(features.size);
    this.batches = new Batches(shard.train.count, recipe.batch, random);
    this.margins = new Float64Array(run.pool).fill(-1);
  }

  #model(size) {
    const softmax = new Softmax(this.run.classes, size);
    return {
      softmax,
      adam: new Adam(softmax.weights, this.recipe.rate, this.recipe.decay),
      gradient: new Float64Array(softmax.weights.length),
    };
  }

  /** Labels for a ballot; `ids`: the derived ones, or null where this peer chooses. */
  vote(round, ids) {
    const chosen = ids ?? this.#choose();
    const share = new Float64Array(this.run.classes);
    const labels = chosen.map((id) => {
      this.together.softmax.probabilities(this.probes, id, share);
      const best = share.indexOf(Math.max(...share));
      const unsure = this.run.abstain && !(share[best] >= this.recipe.sure);
      return unsure ? this.run.classes : best; // BALLOT-2
    });
    return { labels, ids: ids ? null : chosen };
  }

  /** Those that were decided most narrowly, or never; ties by chance. */
  #choose() {
    const order = Array.from(this.margins, (margin, id) => ({ id, key: margin + this.random() * 0.5 }));
    order.sort((a, b) => a.key - b.key);
    return order.slice(0, this.run.votes).map(({ id }) => id).sort((a, b) => a - b);
  }

  /** Train through the rounds of the ballot of `round`; `tallies`: what was counted since. */
  async learn(round, tallies) {
    const { run, recipe } = this;
    const rounds = Math.min(run.rounds_per_ballot, this.rounds - round);
    const heard = tallies.filter(({ ballots }) => ballots > 1); // one's own vote teaches nothing
    for (const tally of heard) tally.ids.forEach((id, i) => (this.margins[id] = tally.margin[i]));
    for (let offset = 0; offset < rounds; offset++) {
      const pull = this.#pull(round + offset);
      const lesson = pull > 0 ? this.#lesson(heard, offset) : null;
      for (let step = 0; step < recipe.steps; step++) {
        const batch = this.batches.next();
        this.#step(this.alone, batch, null, 0);
        this.#step(this.together, batch, step === 0 ? lesson : null, pull);
        await breathe(); // messages do not wait for training (MEMBER-3)
      }
      if ((round + offset + 1) % recipe.report === 0 || round + offset + 1 === this.rounds) {
        this.#report(round + offset + 1);
      }
    }
  }

  #pull(round) {
    const { pull, floor, warmup } = this.recipe;
    if (round < warmup) return 0;
    const done = Math.min(1, (round - warmup) / Math.max(1, this.rounds - 1 - warmup));
    return pull * (1 - (1 - floor) * done);
  }

  /** The probes of one round of a ballot with their histograms (TALLY-4); null without votes. */
  #lesson(tallies, offset) {
    const { run } = this;
    const ids = [];
    const targets = [];
    for (const tally of tallies) {
      // PROBE-5; the union of explicit ids is spread over the rounds
      const isIn = run.ids === "derived"
        ? (at) => Math.floor(at / run.probes) === offset
        : (at) => at % run.rounds_per_ballot === offset;
      tally.ids.forEach((id, at) => {
        if (!isIn(at) || tally.voters[at] === 0) return;
        const target = new Float64Array(run.classes);
        for (const [label, count] of tally.counts.get(id)) target[label] = count / tally.voters[at];
        ids.push(id);
        targets.push(target);
      });
    }
    return ids.length ? { ids, targets } : null;
  }

  #step({ softmax, adam, gradient }, batch, lesson, pull) {
    gradient.fill(0);
    const { labels } = this.shard.train;
    const rows = batch.map((i) => {
      const row = new Float64Array(softmax.classes);
      row[labels[i]] = 1;
      return row;
    });
    softmax.loss(this.train, batch, (k) => rows[k], 1, gradient);
    if (lesson) softmax.loss(this.probes, lesson.ids, (k) => lesson.targets[k], pull, gradient);
    adam.step(gradient);
  }

  // --- what comes of it -------------------------------------------------------------------------

  /** Share of the test set that a model has right, and by class (null: no such example). */
  evaluate({ softmax }) {
    const { classes } = softmax;
    const right = new Float64Array(classes);
    const seen = new Float64Array(classes);
    const share = new Float64Array(classes);
    this.shard.test.labels.forEach((label, i) => {
      softmax.probabilities(this.test, i, share);
      seen[label]++;
      if (share.indexOf(Math.max(...share)) === label) right[label]++;
    });
    const share4 = (n, of) => Math.round((n / of) * 1e4) / 1e4;
    const all = share4(right.reduce((a, b) => a + b, 0), this.test.count);
    return { all, byClass: [...right].map((n, c) => (seen[c] ? share4(n, seen[c]) : null)) };
  }

  #report(round) {
    if (!this.test) return;
    const accuracy = this.evaluate(this.together).all;
    this.tell({ event: "progress", round, accuracy, alone: this.evaluate(this.alone).all });
  }

  farewell() {
    if (!this.test) return;
    const [together, alone] = [this.evaluate(this.together), this.evaluate(this.alone)];
    this.tell({
      event: "learned", accuracy: together.all, alone: alone.all,
      by_class: together.byClass, alone_by_class: alone.byClass,
    });
  }
}

/** Endless shuffled batches of indices; what is too few for a batch waits for the next shuffle. */
class Batches {
  #order = [];

  constructor(count, size, random) {
    Object.assign(this, { count, size: Math.min(size, count), random });
  }

  next() {
    if (this.#order.length < this.size) {
      this.#order = Array.from({ length: this.count }, (_, i) => i);
      for (let i = this.count - 1; i > 0; i--) {
        const j = Math.floor(this.random() * (i + 1));
        [this.#order[i], this.#order[j]] = [this.#order[j], this.#order[i]];
      }
    }
    return this.#order.splice(0, this.size);
  }
}
