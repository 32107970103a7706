// What a run agrees on (README, RUN clauses), what a peer decides alone, and the limits of chapter 6.

import { createHash } from "node:crypto";

export const LIMITS = {
  frame: 262_144, hello: 4_096, text: 512, endpoint: 255, members: 1_024, peers: 64,
  digest: 128, have: 2_048, want: 256, probes: 65_535, classes: 16_777_215, links: 4_096,
};

export const LAST_ROUND = 2 ** 32 - 2; // FRAME-13; ffffffff means "none"
export const NONE = 0xffffffff;

/** Seconds, but for counts; README, table "Timing". */
export const TIMING = {
  rounds: 560, pace: "lockstep", staleness: 1, quorum: 2, deadline: 30, patience: 1,
  suspect_after: 5, gone_after: 60, probe_interval: 5, gossip_interval: 2, join_deadline: 60,
  retain: 64, ahead: 64,
};

/** The default timing with what is given; throws Error in a sentence when a name or value is wrong. */
export function makeTiming(given = {}) {
  const timing = { ...TIMING };
  for (const [name, value] of Object.entries(given)) {
    if (!(name in TIMING)) throw new Error(`there is no timing called ${name}`);
    const fits = name === "pace"
      ? ["lockstep", "bounded", "free"].includes(value)
      : typeof value === "number" && Number.isFinite(value) && value >= 0;
    if (!fits) throw new Error(`timing ${name} cannot be ${JSON.stringify(value)}`);
    timing[name] = value;
  }
  const counts = { rounds: 1, quorum: 1, staleness: 0, retain: 2, ahead: 2 };
  for (const [name, value] of Object.entries(timing)) {
    const wrong = name in counts
      ? !Number.isInteger(value) || value < counts[name]
      : name !== "pace" && value <= 0;
    if (wrong) throw new Error(`timing ${name} cannot be ${value}`);
  }
  return timing;
}

const number = (low, high) => ({
  read: (value) => {
    // The seed goes beyond what a double holds, so numbers are checked as BigInt.
    if (!/^(0|[1-9][0-9]*)$/.test(String(value))) return undefined;
    const big = BigInt(value);
    if (big < BigInt(low) || big > BigInt(high)) return undefined;
    return high > Number.MAX_SAFE_INTEGER ? big : Number(big);
  },
});
const word = (...words) => ({ read: (value) => (words.includes(value) ? value : undefined) });
const yes = { read: (value) => ({ 1: true, 0: false, true: true, false: false })[String(value)] };
const hex64 = { read: (value) => (/^[0-9a-f]{64}$/.test(value) ? value : undefined) };

/** The run parameters in the order of the descriptor: name, default, how to read a value. */
const PARAMETERS = [
  ["seed", 0n, number(0, 2n ** 63n - 1n)],
  ["classes", 10, number(2, LIMITS.classes)],
  ["abstain", true, yes],
  ["pool", 300, number(1, 2 ** 32 - 1)],
  ["pool_digest", "0".repeat(64), hex64],
  ["probes", 32, number(1, LIMITS.probes)],
  ["rounds_per_ballot", 8, number(1, LIMITS.probes)],
  ["spreading", "sampled", word("sampled", "broadcast")],
  ["degree", 2, number(1, 2 ** 32 - 1)],
  ["ids", "derived", word("derived", "explicit")],
  ["seal", "none", word("none", "ed25519")],
];
const LATER = new Set(["seal"]); // left out of the descriptor at its default (RUN-1, VERSION-1)

/** A run: its parameters, and what follows from them. Throws Error in a sentence. */
export function makeRun(given = {}) {
  const run = {};
  for (const [name, usual, kind] of PARAMETERS) {
    run[name] = given[name] === undefined ? usual : kind.read(given[name]);
    if (run[name] === undefined) throw new Error(`run parameter ${name} cannot be ${given[name]}`);
  }
  const unknown = Object.keys(given).find((name) => !PARAMETERS.some(([known]) => known === name));
  if (unknown) throw new Error(`this peer does not know the run parameter ${unknown}`);
  run.votes = run.probes * run.rounds_per_ballot;
  if (run.votes > Math.min(run.pool, LIMITS.probes)) {
    throw new Error(`a ballot of ${run.votes} votes does not fit a pool of ${run.pool}`);
  }
  run.highest = run.abstain ? run.classes : run.classes - 1;
  run.bits = 32 - Math.clz32(run.highest); // RUN-5
  run.sealed = run.seal !== "none";
  run.descriptor = descriptor(run); // RUN-1
  run.digest = createHash("sha256").update(run.descriptor, "ascii").digest("hex"); // RUN-2
  run.id = run.digest.slice(0, 16);
  return Object.freeze(run);
}

function descriptor(run) {
  const lines = ["tally/1"];
  for (const [name, usual] of PARAMETERS) {
    if (LATER.has(name) && run[name] === usual) continue;
    lines.push(`${name}=${typeof run[name] === "boolean" ? Number(run[name]) : run[name]}`);
  }
  return lines.join("\n") + "\n";
}

/** The run that a descriptor names; only its one form is taken (RUN-1). */
export function readDescriptor(text) {
  const lines = text.split("\n");
  if (lines[0] !== "tally/1") throw new Error("this is not the descriptor of a run");
  const given = Object.fromEntries(
    lines.slice(1, -1).map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]),
  );
  const run = makeRun(given);
  if (run.descriptor !== text) throw new Error("the run descriptor is not in its one form");
  return run;
}
