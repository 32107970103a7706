// Answers vectors: one JSON object a line in, one a line out (chapter 9.4).

import { createInterface } from "node:readline";

import { pack, unpack } from "./bits.mjs";
import { Codec } from "./codec.mjs";
import { neighbours, ring } from "./digraph.mjs";
import { Ledger, tagOf } from "./ledger.mjs";
import { makeRun } from "./parameters.mjs";
import { deriveIds } from "./probes.mjs";
import { Refusal } from "./reasons.mjs";
import { play } from "./script.mjs";
import { authorOf, isGood, keyPair } from "./seal.mjs";
import { cells, digest, tally } from "./tally.mjs";

/** What `read` returns as accepted, or why it was not. */
function judged(read) {
  try {
    return { verdict: "accept", ...read() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { verdict: error.verdict, reason: error.reason };
  }
}

const kinds = {
  bits({ labels, packed, count, bits, highest }) {
    if (labels) return { packed: pack(labels, bits).toString("hex") };
    return judged(() => ({ labels: [...unpack(Buffer.from(packed, "hex"), count, bits, highest)] }));
  },

  probes: ({ run_id: id, round, pool, count }) => ({ ids: deriveIds(id, round, pool, count) }),

  digraph({ run_id: id, round, degree, members }) {
    const order = ring(id, round, members);
    const result = { ring: order, receivers: {}, senders: {} };
    for (const author of members) {
      const { receivers, senders } = neighbours(order, author, degree);
      result.receivers[author] = receivers;
      result.senders[author] = senders;
    }
    return result;
  },

  codec({ run, sender, frame, frames }) {
    const bound = sender && { author: authorOf(sender.identity), ...sender };
    const bytes = (frames ?? [frame]).map((one) => Buffer.from(one, "hex"));
    return judged(() => ({ message: new Codec(makeRun(run)).decode(bytes, bound) }));
  },

  ledger({ run: given, ballot, add = [], ranges = [] }) {
    const run = makeRun(given);
    if (ballot) return { tag: tagOf(run, ballot) };
    const ledger = new Ledger(run);
    const result = { outcomes: add.map((one) => ledger.add(one)), ballots: {}, listings: {} };
    const rounds = [...new Set(add.map(({ round }) => round))];
    for (const round of rounds) {
      result.ballots[round] = ledger.ballots(round).map(({ author, votes }) => [author, votes]);
      result.listings[round] = ledger.listing(round);
    }
    return { ...result, ranges: ranges.map(([round, count]) => [round, count, ledger.hash(round, count)]) };
  },

  tally({ run: given, round, ballots, ids = null }) {
    const run = makeRun(given);
    const counted = tally(run, round, ballots, ids);
    const { voters, plurality, margin } = counted;
    return {
      ids: counted.ids, voters, plurality, margin, cells: cells(counted), digest: digest(run, counted),
    };
  },

  seal({ secret, identity, text, signature }) {
    const bytes = Buffer.from(text, "hex");
    if (secret) {
      const keys = keyPair(secret);
      return { identity: keys.identity, signature: keys.sign(bytes).toString("hex") };
    }
    const good = isGood(identity, bytes, Buffer.from(signature, "hex"));
    return good ? { verdict: "accept" } : { verdict: "reject", reason: "SEAL" };
  },

  gossip: play,
};

/** Read cases from standard input until it ends. */
export async function conform() {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (!line.trim()) continue;
    // A seed may be larger than what JSON.parse keeps exactly.
    const asked = JSON.parse(line.replace(/"seed":\s*([0-9]{16,})/g, '"seed":"$1"'));
    process.stdout.write(JSON.stringify({ case: asked.case, ...answer(asked) }) + "\n");
  }
}

function answer({ kind, input }) {
  if (!Object.hasOwn(kinds, kind)) return { unimplemented: `there is no kind ${kind} here` };
  if (input.run && "view" in input.run) return { unimplemented: "runs with a view (4.8)" };
  if (input.run && "electorate" in input.run) return { unimplemented: "runs with an electorate (7.5)" };
  if (input.run && "model" in input.run) return { unimplemented: "runs with one shape of model (RUN-8)" };
  return { result: kinds[kind](input) };
}
