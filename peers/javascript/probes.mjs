// Which probes a ballot votes on, where no ids travel (PROBE clauses).

import { createHash } from "node:crypto";

/** `count` distinct ids below `pool`, in draw order, for a run id (hexadecimal) and a round. */
export function deriveIds(runId, round, pool, count) {
  const head = Buffer.concat([Buffer.from("TALLY1-PROBES"), Buffer.from(runId, "hex"), Buffer.alloc(8)]);
  head.writeUInt32BE(round, head.length - 8);
  const fair = 2 ** 32 - (2 ** 32 % pool);
  const drawn = new Set(); // keeps the order of drawing
  for (let k = 0; drawn.size < count; k++) {
    head.writeUInt32BE(k, head.length - 4);
    const block = createHash("sha256").update(head).digest(); // PROBE-2
    for (let at = 0; at < 32 && drawn.size < count; at += 4) {
      const word = block.readUInt32BE(at);
      if (word < fair) drawn.add(word % pool); // PROBE-3, PROBE-4
    }
  }
  return [...drawn]; // PROBE-5
}
