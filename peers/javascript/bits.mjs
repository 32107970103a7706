// Packed votes (BITS clauses).

import { require } from "./reasons.mjs";

/** Labels, each `bits` (1 to 24) wide, one after the other, as a Buffer. */
export function pack(labels, bits) {
  const packed = Buffer.alloc(Math.ceil((labels.length * bits) / 8));
  let held = 0; // bits that wait in `word`, fewer than 8 between labels
  let word = 0;
  let at = 0;
  for (const label of labels) {
    word = ((word << bits) | label) >>> 0; // at most 7 + 24 bits
    held += bits;
    while (held >= 8) {
      held -= 8;
      packed[at++] = (word >>> held) & 0xff;
    }
    word &= (1 << held) - 1;
  }
  if (held) packed[at] = (word << (8 - held)) & 0xff; // BITS-2: zeros to the end
  return packed;
}

/** `count` labels out of their bytes; throws Refusal (LENGTH, PADDING, LABEL). */
export function unpack(packed, count, bits, highest) {
  require(packed.length === Math.ceil((count * bits) / 8), "LENGTH", "votes of another length");
  const labels = new Uint32Array(count);
  let held = 0;
  let word = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    while (held < bits) {
      word = ((word << 8) | packed[at++]) >>> 0; // at most 23 + 8 bits
      held += 8;
    }
    held -= bits;
    labels[i] = word >>> held;
    word &= (1 << held) - 1;
    require(labels[i] <= highest, "LABEL", `label ${labels[i]} is above ${highest}`); // BITS-3
  }
  require(word === 0, "PADDING", "padding bits that are not zero"); // BITS-2
  return labels;
}
