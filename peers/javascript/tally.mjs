// What a round's ballots add up to (TALLY clauses).

import { createHash } from "node:crypto";

import { unpack } from "./bits.mjs";
import { deriveIds } from "./probes.mjs";

/** Counts of the ballots of a round. `ids`: only where they are neither derived nor in the ballots. */
export function tally(run, round, ballots, ids = null) {
  const explicit = ballots.some((ballot) => ballot.ids) || (run.ids === "explicit" && !ids);
  if (explicit) {
    ids = [...new Set(ballots.flatMap((ballot) => ballot.ids))].sort((a, b) => a - b); // TALLY-2
  } else {
    ids ??= deriveIds(run.id, round, run.pool, run.votes);
  }
  const counts = new Map(ids.map((id) => [id, new Map()])); // id -> class -> count: C may be millions
  for (const ballot of ballots) {
    const named = ballot.ids ?? ids;
    const labels = unpack(Buffer.from(ballot.votes, "hex"), named.length, run.bits, run.highest);
    named.forEach((id, i) => {
      if (labels[i] >= run.classes) return; // TALLY-3: "no vote" counts nowhere
      const cells = counts.get(id);
      cells.set(labels[i], (cells.get(labels[i]) ?? 0) + 1);
    });
  }
  const rows = ids.map((id) => row(id, round, run.classes, counts.get(id)));
  return {
    round, ids, counts,
    voters: rows.map((r) => r.voters),
    plurality: rows.map((r) => r.plurality),
    margin: rows.map((r) => r.margin),
    ballots: ballots.length,
  };
}

function row(id, round, classes, cells) {
  const start = (id + round) % classes; // TIE-1: a double holds the sum, so nothing wraps
  const place = (label) => (label - start + classes) % classes;
  let [voters, best, first, second] = [0, -1, 0, 0];
  for (const [label, count] of cells) {
    voters += count;
    if (count > first || (count === first && place(label) < place(best))) {
      [best, second, first] = [label, first, count];
    } else if (count > second) {
      second = count;
    }
  }
  return { voters, plurality: best, margin: first - second }; // TALLY-5
}

/** [id, class, count] of every count that is not 0, ascending. */
export function cells(counted) {
  return [...counted.counts]
    .flatMap(([id, row]) => [...row].map(([label, count]) => [id, label, count]))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

/** TALLY-6, hexadecimal. */
export function digest(run, counted) {
  const all = cells(counted);
  const numbers = Buffer.alloc(4 + all.length * 12);
  numbers.writeUInt32BE(counted.round);
  all.flat().forEach((value, i) => numbers.writeUInt32BE(value, 4 + i * 4));
  return createHash("sha256").update("TALLY1-TALLY").update(run.id, "hex").update(numbers).digest("hex");
}
