// Messages to frames and back (chapters 2 and 3).
//
// A message is a plain object: `kind`, and the fields of chapter 3 by name. Bytes are lower-case
// hexadecimal strings: they compare as the bytes do, and print as the vectors have them.

import { pack, unpack } from "./bits.mjs";
import { isEndpoint } from "./endpoints.mjs";
import { decodeIds, encodeIds } from "./ids.mjs";
import { decodeMap, encodeMap } from "./map.mjs";
import { LAST_ROUND, LIMITS, NONE } from "./parameters.mjs";
import { Refusal, require } from "./reasons.mjs";
import { SIGNATURE, authorOf, isGood, texts } from "./seal.mjs";

const KINDS = {
  HELLO: 0x01, BYE: 0x02, ERROR: 0x03, PING: 0x04, PONG: 0x05, PEERS: 0x06,
  VOTE: 0x10, DIGEST: 0x11, HAVE: 0x12, WANT: 0x13,
};
const NAMES = new Map(Object.entries(KINDS).map(([name, kind]) => [kind, name]));
const AUTHOR_FLAG = 0x01;
const IDS_FLAG = 0x02;
const SEAL_FLAG = 0x04; // SEAL-2
const SEALED = new Set(["HELLO", "BYE", "VOTE"]);
const BEFORE_HELLO = new Set(["HELLO", "BYE", "ERROR"]); // FRAME-14
const MAGIC = Buffer.from("TALLY");
const VERSION = 1;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Codec {
  /** `me`: `author`, `identity`, `instance`, and `sign(text)` in a sealed run; null only decodes. */
  constructor(run, me = null) {
    this.run = run;
    this.me = me;
  }

  // --- writing ------------------------------------------------------------------------------

  /** The frame of a message that this peer sends. */
  encode(message) {
    const { kind } = message;
    if (kind === "VOTE") return this.#vote(message);
    const frame = Buffer.concat([Buffer.from([KINDS[kind], 0]), encoders[kind](message)]);
    if (!this.run.sealed || !SEALED.has(kind)) return frame;
    frame[1] |= SEAL_FLAG;
    const text = kind === "HELLO" ? texts.hello(frame) : texts.bye(this.run, this.me.instance, frame);
    return Buffer.concat([frame, this.me.sign(text)]);
  }

  #vote(ballot) {
    const own = ballot.author === this.me.author; // VOTE-1
    const { sealed } = this.run;
    const flags = (own ? 0 : AUTHOR_FLAG) | (ballot.ids ? IDS_FLAG : 0) | (sealed ? SEAL_FLAG : 0);
    const parts = [Buffer.from([KINDS.VOTE, flags]), u32(ballot.round)];
    if (!own) parts.push(hex(sealed ? ballot.identity : ballot.author)); // SEAL-4
    parts.push(this.#voteBody(ballot));
    if (sealed) parts.push(hex(ballot.signature)); // SEAL-9: signed once, when it was cast
    return Buffer.concat(parts);
  }

  #voteBody({ ids, votes }) {
    return ids ? Buffer.concat([encodeIds(ids), hex(votes)]) : hex(votes); // VOTE-5
  }

  /** The own ballot of `round`; `ids` ascending where the run has explicit ones, else null. */
  ballot(round, labels, ids) {
    const ballot = { author: this.me.author, round };
    if (ids) ballot.ids = [...ids];
    ballot.votes = pack(labels, this.run.bits).toString("hex");
    if (this.run.sealed) {
      ballot.identity = this.me.identity;
      ballot.signature = this.me
        .sign(texts.vote(this.run, round, this.#voteBody(ballot))).toString("hex");
    }
    return ballot;
  }

  // --- reading ------------------------------------------------------------------------------

  /** The message that `frames` (Buffers) are, on a connection bound to `sender`; throws Refusal.
   * `sender`: null before HELLO, else `author`, `identity` and `instance`. */
  decode(frames, sender) {
    require(frames.length === 1, "MALFORMED", "a message of more than one frame"); // FRAME-4
    const frame = frames[0];
    require(frame.length >= 2, "MALFORMED", "a frame without a header"); // FRAME-7
    const kind = NAMES.get(frame[0]);
    require(frame.length <= this.#limit(kind, frame[1]), "LIMIT", "a frame that is too large"); // FRAME-8
    require(kind, "TYPE", `there is no kind ${frame[0].toString(16)}`, { kind: frame[0] }); // FRAME-10
    require(sender || BEFORE_HELLO.has(kind), "EARLY", `${kind} before HELLO`); // FRAME-14
    if (kind === "HELLO") return this.#readHello(frame);
    const known = kind === "VOTE" ? AUTHOR_FLAG | IDS_FLAG | SEAL_FLAG : SEALED.has(kind) ? SEAL_FLAG : 0;
    require((frame[1] & ~known) === 0, "MALFORMED", "unknown flags"); // FRAME-9
    let [signed, signature] = [frame, null];
    if (SEALED.has(kind)) [signed, signature] = this.#unseal(frame);
    const body = signed.subarray(2);
    if (kind === "VOTE") return this.#readVote(signed[1], body, signature, sender);
    const message = decoders[kind](body, this.run);
    if (kind === "BYE" && signature && sender) { // before HELLO nobody is known (SEAL-7)
      const text = texts.bye(this.run, sender.instance, signed);
      require(isGood(sender.identity, text, signature), "SEAL", "a BYE with a wrong signature");
    }
    return message;
  }

  #limit(kind, flags) {
    if (kind === "HELLO" || kind === "BYE" || kind === "ERROR") return LIMITS.hello;
    if (kind !== "VOTE" || flags & AUTHOR_FLAG) return LIMITS.frame;
    return LIMITS.frame - (this.run.sealed ? 32 : 8); // so that it can be relayed
  }

  /** The frame without its signature, and the signature, as the run has them (SEAL-2). */
  #unseal(frame) {
    const has = Boolean(frame[1] & SEAL_FLAG);
    require(has === this.run.sealed, "SEAL", has ? "a signature that this run has not" : "no signature");
    if (!has) return [frame, null];
    require(frame.length >= 2 + SIGNATURE, "LENGTH", "too short for its signature");
    return [frame.subarray(0, -SIGNATURE), frame.subarray(-SIGNATURE)];
  }

  #readHello(frame) {
    const has = Boolean(frame[1] & SEAL_FLAG); // in every version 64 bytes (FIXED-1)
    require(frame.subarray(2, 7).equals(MAGIC), "VERSION", "HELLO without TALLY"); // HELLO-1
    require(!has || frame.length >= 7 + SIGNATURE, "LENGTH", "too short for its signature");
    const map = decodeMap(frame.subarray(7, has ? -SIGNATURE : undefined)); // HELLO-2
    const hello = { kind: "HELLO" };
    const field = (name, read) => {
      hello[name] = read(map.get(name));
      require(hello[name] !== undefined, "MAP", `${name} in HELLO is missing or wrong`);
    };
    const maybe = (name) => map.has(name) && field(name, isRound);
    field("versions", versions);
    const [low, high] = hello.versions;
    const endpoint = isEndpoint(map.get("endpoint")) ? map.get("endpoint") : undefined;
    require(low <= VERSION && VERSION <= high, "VERSION", // HELLO-3 before all else, VERSION-2
      `no common version: 1 to 1 here, ${low} to ${high} there`, { endpoint });
    require((frame[1] & ~SEAL_FLAG) === 0, "MALFORMED", "unknown flags"); // FRAME-9
    field("endpoint", () => endpoint);
    field("agent", (v) => (typeof v === "string" && Buffer.byteLength(v) <= LIMITS.text ? v : undefined));
    field("identity", binary(32));
    field("instance", binary(8));
    field("known", (v) => (Number.isInteger(v) && v >= 0 ? v : undefined));
    field("met", (v) => (typeof v === "boolean" ? v : undefined));
    field("run", binary(32));
    ["held", "round", "start"].forEach(maybe);
    if (hello.run !== this.run.digest) { // CONTACT-3; SEAL-7: its signature is not looked at
      throw new Refusal("RUN", "HELLO names another run", { endpoint });
    }
    const [signed, signature] = this.#unseal(frame);
    require(!signature || isGood(hello.identity, texts.hello(signed), signature),
      "SEAL", "a HELLO with a wrong signature");
    return hello;
  }

  #readVote(flags, body, signature, sender) {
    const { run } = this;
    const reader = new Reader(body);
    const round = reader.u32();
    require(round !== NONE && round % run.rounds_per_ballot === 0, // VOTE-3
      "ROUND", `${round} is not the first round of a ballot`);
    let { author, identity } = sender;
    if (flags & AUTHOR_FLAG) {
      const named = reader.take(run.sealed ? 32 : 8).toString("hex");
      author = run.sealed ? authorOf(named) : named; // SEAL-4
      identity = named;
      require(author !== sender.author, "AUTHOR", "the own author written out"); // VOTE-1
    }
    const message = { kind: "VOTE", author, round };
    const rest = reader.rest();
    const explicit = Boolean(flags & IDS_FLAG);
    require(explicit === (run.ids === "explicit"), "IDS", "ids that are absent, or not wanted"); // VOTE-2
    let count = run.votes;
    let votes = rest;
    if (explicit) {
      const { ids, size } = decodeIds(rest, run);
      message.ids = ids;
      count = ids.length;
      votes = rest.subarray(size);
    }
    unpack(votes, count, run.bits, run.highest); // VOTE-4, BITS-2, BITS-3
    message.votes = votes.toString("hex");
    if (run.sealed) { // over the bytes that came (SEAL-7)
      require(isGood(identity, texts.vote(run, round, rest), signature),
        "SEAL", "a ballot with a wrong signature");
      message.identity = identity;
      message.signature = signature.toString("hex");
    }
    return message;
  }
}

// --- bodies of the other kinds ----------------------------------------------------------------

const hex = (text) => Buffer.from(text, "hex");
function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
const isRound = (v) => (Number.isInteger(v) && v >= 0 && v <= LAST_ROUND ? v : undefined);
const binary = (size) => (v) => (Buffer.isBuffer(v) && v.length === size ? v.toString("hex") : undefined);
const versions = (v) =>
  Array.isArray(v) && v.length === 2 && v.every((n) => Number.isInteger(n) && n >= 1 && n <= 0xffff) &&
  v[0] <= v[1] ? v : undefined;

const HELLO_KEYS = {
  agent: (v) => v, endpoint: (v) => v, held: (v) => v, identity: hex, instance: hex, known: (v) => v,
  met: (v) => v, round: (v) => v, run: hex, start: (v) => v, versions: (v) => v,
};

const encoders = {
  HELLO(message) {
    const map = new Map(message.grease ?? []); // GREASE-2
    for (const [name, write] of Object.entries(HELLO_KEYS)) {
      if (message[name] !== undefined) map.set(name, write(message[name])); // HELLO-2
    }
    return Buffer.concat([MAGIC, encodeMap(map)]);
  },
  BYE: ({ code, last, text }) =>
    Buffer.concat([Buffer.from([code]), u32(last ?? NONE), Buffer.from(text, "utf8")]),
  ERROR: ({ code, text }) => Buffer.concat([Buffer.from([code]), Buffer.from(text, "utf8")]),
  PING: ({ nonce, roster }) => Buffer.concat([u32(nonce), u32(roster)]),
  PONG: ({ nonce, roster, round }) => Buffer.concat([u32(nonce), u32(roster), u32(round ?? NONE)]),
  PEERS: ({ endpoints }) =>
    Buffer.concat([
      Buffer.from([endpoints.length]),
      ...endpoints.map((e) => Buffer.concat([Buffer.from([e.length]), Buffer.from(e, "ascii")])),
    ]),
  DIGEST: ({ entries }) =>
    Buffer.concat(entries.map(([round, count, hash]) =>
      Buffer.concat([u32(round), Buffer.from([count >>> 8, count & 0xff]), hex(hash)]))),
  HAVE: ({ round, entries }) =>
    Buffer.concat([u32(round), ...entries.map(([author, tag]) => hex(author + tag))]),
  WANT: ({ entries }) =>
    Buffer.concat(entries.map(([author, round]) => Buffer.concat([hex(author), u32(round)]))),
};

const decoders = {
  BYE(body) {
    const reader = new Reader(body);
    const message = { kind: "BYE", code: reader.u8() };
    const last = reader.u32();
    if (last !== NONE) message.last = last;
    message.text = text(reader.rest());
    return message;
  },
  ERROR(body) {
    const reader = new Reader(body);
    return { kind: "ERROR", code: reader.u8(), text: text(reader.rest()) };
  },
  PING(body) {
    const reader = new Reader(body);
    const message = { kind: "PING", nonce: reader.u32(), roster: reader.u32() };
    reader.end(); // nonce 0 binds senders only (PING-1)
    return message;
  },
  PONG(body) {
    const reader = new Reader(body);
    const message = { kind: "PONG", nonce: reader.u32(), roster: reader.u32() };
    const round = reader.u32();
    if (round !== NONE) message.round = round;
    reader.end();
    return message;
  },
  PEERS(body) {
    const reader = new Reader(body);
    const count = reader.u8();
    require(count <= LIMITS.peers, "LIMIT", `${count} endpoints`); // PEERS-1
    const endpoints = Array.from({ length: count }, () => reader.take(reader.u8()).toString("latin1"));
    reader.end();
    for (const endpoint of endpoints) { // PEERS-2
      require(isEndpoint(endpoint), "MALFORMED", "PEERS with what is not an endpoint");
    }
    return { kind: "PEERS", endpoints };
  },
  DIGEST: (body) => ({
    kind: "DIGEST",
    entries: entries(body, 22, LIMITS.digest, (e) =>
      [e.readUInt32BE(0), e.readUInt16BE(4), e.toString("hex", 6)]), // DIGEST-1
  }),
  HAVE(body) {
    const reader = new Reader(body);
    const round = reader.u32();
    const listed = entries(reader.rest(), 24, LIMITS.have, (e) =>
      [e.toString("hex", 0, 8), e.toString("hex", 8)]); // HAVE-1
    listed.forEach(([author], i) =>
      require(i === 0 || listed[i - 1][0] < author, "MALFORMED", "HAVE whose authors do not ascend")); // HAVE-2
    return { kind: "HAVE", round, entries: listed };
  },
  WANT: (body) => ({
    kind: "WANT",
    entries: entries(body, 12, LIMITS.want, (e) => [e.toString("hex", 0, 8), e.readUInt32BE(8)]), // WANT-1
  }),
};

function entries(body, size, most, read) {
  require(body.length <= size * most, "LIMIT", `more than ${most} entries`); // LIMIT-1
  require(body.length % size === 0, "LENGTH", "a part of an entry");
  return Array.from({ length: body.length / size }, (_, i) => read(body.subarray(i * size, (i + 1) * size)));
}

function text(bytes) {
  require(bytes.length <= LIMITS.text, "LIMIT", "a text that is too long"); // BYE-1, ERROR-1
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Refusal("MALFORMED", "text that is not UTF-8");
  }
}

/** Fields one after the other; a body that is too short or too long is refused (FRAME-12). */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  take(count) {
    require(count <= this.bytes.length - this.at, "LENGTH", "a body that is too short");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  u8() {
    return this.take(1)[0];
  }

  u32() {
    return this.take(4).readUInt32BE();
  }

  rest() {
    return this.take(this.bytes.length - this.at);
  }

  end() {
    require(this.at === this.bytes.length, "LENGTH", "a body that is too long");
  }
}
