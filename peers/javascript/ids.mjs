// Explicit probe ids as bytes (IDS clauses).

import { require } from "./reasons.mjs";

/** Ascending ids in their one form (IDS-2), as a Buffer. */
export function encodeIds(ids) {
  const last = ids.length - 1;
  if (ids[last] - ids[0] === last) {
    const range = Buffer.alloc(7);
    range[0] = 1;
    range.writeUInt32BE(ids[0], 1);
    range.writeUInt16BE(ids.length, 5);
    return range;
  }
  const bytes = [2, ids.length >>> 8, ids.length & 0xff];
  ids.forEach((id, i) => leb128(i ? id - ids[i - 1] - 1 : id, bytes));
  return Buffer.from(bytes);
}

function leb128(value, bytes) {
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
}

/** The ids at the start of `bytes`, and how many bytes they took; throws Refusal (IDS, LENGTH). */
export function decodeIds(bytes, run) {
  const short = "probe ids that end early";
  require(bytes.length >= 3, "LENGTH", short);
  const form = bytes[0];
  require(form === 1 || form === 2, "IDS", `there is no form ${form} of probe ids`);
  require(form === 2 || bytes.length >= 7, "LENGTH", short);
  const count = bytes.readUInt16BE(form === 1 ? 5 : 1);
  require(count >= 1 && count <= run.votes, "IDS", `${count} probe ids`); // IDS-1
  const ids = new Array(count);
  let at = form === 1 ? 7 : 3;
  if (form === 1) {
    const start = bytes.readUInt32BE(1);
    for (let i = 0; i < count; i++) ids[i] = start + i;
  } else {
    for (let i = 0; i < count; i++) {
      let value = 0;
      let scale = 1;
      for (let more = true; more; scale *= 128) {
        require(at < bytes.length, "LENGTH", short);
        const byte = bytes[at++];
        more = byte >= 0x80;
        value += (byte & 0x7f) * scale;
        require(value < 2 ** 32, "IDS", "a gap of more than 32 bits"); // IDS-3
        require(more || byte !== 0 || scale === 1, "IDS", "a gap with more bytes than it needs");
        require(!more || scale < 2 ** 28, "IDS", "a gap of more than five bytes");
      }
      ids[i] = i ? ids[i - 1] + 1 + value : value;
    }
    require(ids[count - 1] - ids[0] !== count - 1, "IDS", "a range in the form of gaps"); // IDS-2
  }
  require(ids[count - 1] < run.pool, "IDS", "a probe id outside the pool"); // IDS-1
  return { ids, size: at };
}
