// Who hears whom in a round (DIGRAPH clauses).

import { createHash } from "node:crypto";

/** The members (author ids, hexadecimal) in the order of the round's ring (DIGRAPH-2). */
export function ring(runId, round, members) {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(round);
  const key = (author) =>
    createHash("sha256").update("TALLY1-DIGRAPH").update(runId, "hex").update(number)
      .update(author, "hex").digest("hex");
  const keyed = [...new Set(members)].map((author) => key(author) + author); // ties: by author
  return keyed.sort().map((both) => both.slice(64)); // hexadecimal sorts as the bytes do
}

/** The next and the previous d members of the ring, nearest first (DIGRAPH-3). */
export function neighbours(ringOrder, author, degree) {
  const n = ringOrder.length;
  const at = ringOrder.indexOf(author);
  const d = Math.min(degree, n - 1);
  const step = (i) => ringOrder[(at + i + n) % n];
  return {
    receivers: Array.from({ length: d }, (_, i) => step(i + 1)),
    senders: Array.from({ length: d }, (_, i) => step(-i - 1)),
  };
}
