// msgpack in the one form that HELLO has (MAP clauses). By hand: libraries write and accept other forms.

import { require } from "./reasons.mjs";

const ITEMS = 64; // of one array or map (MAP-2)
const DEPTH = 4; // the outermost map counted (MAP-2)
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A Map, array, string, Buffer (binary), integer, boolean or null as msgpack. */
export function encodeMap(value) {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === "number") return integer(value);
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "utf8");
    const short = bytes.length < 32 ? Buffer.from([0xa0 | bytes.length]) : null;
    return Buffer.concat([short ?? sized(0xd9, bytes.length), bytes]);
  }
  if (Buffer.isBuffer(value)) return Buffer.concat([sized(0xc4, value.length), value]);
  const isMap = value instanceof Map;
  const count = isMap ? value.size : value.length;
  const head = count < 16
    ? Buffer.from([(isMap ? 0x80 : 0x90) | count])
    : Buffer.from([isMap ? 0xde : 0xdc, count >>> 8, count & 0xff]);
  const items = isMap
    ? [...value]
        .map(([key, item]) => [Buffer.from(key, "utf8"), item])
        .sort(([a], [b]) => Buffer.compare(a, b)) // MAP-1
        .flatMap(([key, item]) => [encodeMap(key.toString("utf8")), encodeMap(item)])
    : value.map(encodeMap);
  return Buffer.concat([head, ...items]);
}

/** The shortest header of 1, 2 or 4 bytes of length; `first` is that of 1 byte. */
function sized(first, length) {
  if (length < 0x100) return Buffer.from([first, length]);
  if (length < 0x10000) return Buffer.from([first + 1, length >>> 8, length & 0xff]);
  const head = Buffer.from([first + 2, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 1);
  return head;
}

function integer(value) {
  if (value >= 0 && value < 0x80) return Buffer.from([value]);
  if (value < 0 && value >= -32) return Buffer.from([value & 0xff]);
  if (value < 0 || value > 0xffffffff) throw new RangeError("this peer writes u32 only");
  if (value < 0x100) return Buffer.from([0xcc, value]);
  if (value < 0x10000) return Buffer.from([0xcd, value >>> 8, value & 0xff]);
  const bytes = Buffer.from([0xce, 0, 0, 0, 0]);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

/** The one map that `bytes` are, as a Map; throws Refusal (MAP). */
export function decodeMap(bytes) {
  const reader = new Reader(bytes);
  const map = reader.value(1);
  require(map instanceof Map, "MAP", "this is not a map");
  require(reader.at === bytes.length, "MAP", "bytes after the map"); // MAP-4
  return map;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(count) {
    require(count <= this.bytes.length - this.at, "MAP", "the map ends early");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** An unsigned number of `size` bytes that needs more than `least - 1` (MAP-3). */
  size(size, least) {
    const value = this.take(size).readUIntBE(0, size);
    require(value >= least, "MAP", "not the shortest encoding");
    return value;
  }

  value(depth) {
    const head = this.take(1)[0];
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.map(head & 0x0f, depth);
    if (head < 0xa0) return this.array(head & 0x0f, depth);
    if (head < 0xc0) return this.text(head & 0x1f);
    switch (head) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.take(this.size(1, 0));
      case 0xc5: return this.take(this.size(2, 0x100));
      case 0xc6: return this.take(this.size(4, 0x10000));
      case 0xcc: return this.size(1, 0x80);
      case 0xcd: return this.size(2, 0x100);
      case 0xce: return this.size(4, 0x10000);
      case 0xcf: return this.long(this.take(8).readBigUInt64BE(), (n) => n > 0xffffffffn);
      case 0xd0: return this.negative(this.take(1).readInt8(), -32);
      case 0xd1: return this.negative(this.take(2).readInt16BE(), -0x80);
      case 0xd2: return this.negative(this.take(4).readInt32BE(), -0x8000);
      case 0xd3: return this.long(this.take(8).readBigInt64BE(), (n) => n < -0x80000000n);
      case 0xd9: return this.text(this.size(1, 32));
      case 0xda: return this.text(this.size(2, 0x100));
      case 0xdb: return this.text(this.size(4, 0x10000));
      case 0xdc: return this.array(this.size(2, 16), depth);
      case 0xdd: return this.array(this.size(4, 0x10000), depth);
      case 0xde: return this.map(this.size(2, 16), depth);
      case 0xdf: return this.map(this.size(4, 0x10000), depth);
    }
    require(false, "MAP", "a value of a kind that a map here does not have"); // MAP-2: floats, extensions
  }

  /** Negative integers have a signed encoding only where no shorter one holds them (MAP-3). */
  negative(value, above) {
    require(value < above, "MAP", "not the shortest encoding");
    return value;
  }

  long(value, needed) {
    require(needed(value), "MAP", "not the shortest encoding");
    return value; // a BigInt; no key of ours takes one
  }

  text(length) {
    try {
      return utf8.decode(this.take(length));
    } catch (error) {
      require(!(error instanceof TypeError), "MAP", "text that is not UTF-8");
      throw error;
    }
  }

  enter(count, depth) {
    require(depth <= DEPTH && count <= ITEMS, "MAP", "a map too deep or too large"); // MAP-2, LIMIT-1
  }

  array(count, depth) {
    this.enter(count, depth);
    return Array.from({ length: count }, () => this.value(depth + 1));
  }

  map(count, depth) {
    this.enter(count, depth);
    const map = new Map();
    let before = null;
    for (let i = 0; i < count; i++) {
      const start = this.at;
      const key = this.value(depth + 1);
      require(typeof key === "string", "MAP", "a key that is not text"); // MAP-1
      const bytes = Buffer.from(key, "utf8");
      require(start < this.at && (before === null || Buffer.compare(before, bytes) < 0),
        "MAP", "keys that do not ascend"); // MAP-1
      before = bytes;
      map.set(key, this.value(depth + 1));
    }
    return map;
  }
}
