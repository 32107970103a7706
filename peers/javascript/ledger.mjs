// The ballots that a peer holds (TAG and LEDGER clauses). A set: any order, any repetition.

import { createHash } from "node:crypto";

import { LIMITS } from "./parameters.mjs";

export const ANNULLED = "ff".repeat(16);

const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** The tag of a ballot, 16 bytes, hexadecimal (TAG-1). Its signature is no part of it (SEAL-8). */
export function tagOf(run, { author, round, ids, votes }) {
  const hash = createHash("sha256").update("TALLY1-BALLOT").update(run.id, "hex")
    .update(author, "hex").update(u32(round));
  for (const id of ids ?? []) hash.update(u32(id));
  const tag = hash.update(votes, "hex").digest("hex").slice(0, 32);
  return tag === ANNULLED ? tag.slice(0, 30) + "fe" : tag; // TAG-2
}

/** BALLOT-4. */
function same(a, b) {
  return a.votes === b.votes && String(a.ids ?? "") === String(b.ids ?? "");
}

export class Ledger {
  #rounds = new Map(); // round -> author -> { ballots: one, or the two that annul, tag }
  #packed = new Map(); // round -> what of it is hashed, until it changes: DIGEST may ask again and again

  /** `own`: the author for whose ballot a place is kept (LEDGER-7); null: nobody. */
  constructor(run, own = null) {
    this.run = run;
    this.own = own;
  }

  /** Take a ballot in: "new", "known", "annulled", or "full" when there is no room (LEDGER-7). */
  add(ballot) {
    const authors = this.#rounds.get(ballot.round) ?? new Map();
    const entry = authors.get(ballot.author);
    this.#packed.delete(ballot.round);
    if (!entry) {
      const kept = this.own && ballot.author !== this.own && !authors.has(this.own) ? 1 : 0;
      if (authors.size >= LIMITS.members - kept) return "full";
      authors.set(ballot.author, { ballots: [ballot], tag: tagOf(this.run, ballot) }); // LEDGER-2
      this.#rounds.set(ballot.round, authors);
      return "new";
    }
    if (entry.ballots.length === 1) {
      if (same(entry.ballots[0], ballot)) return "known"; // LEDGER-3
      entry.ballots.push(ballot); // LEDGER-4, LEDGER-5
      entry.tag = ANNULLED;
    }
    return "annulled";
  }

  /** The ballots held of an author for a round: none, one, or the two that annul each other. */
  held(author, round) {
    return this.#rounds.get(round)?.get(author)?.ballots ?? [];
  }

  tag(author, round) {
    return this.#rounds.get(round)?.get(author)?.tag ?? null;
  }

  /** The ballots that count, by author. */
  ballots(round) {
    return this.#entries(round).filter(([, e]) => e.ballots.length === 1).map(([, e]) => e.ballots[0]);
  }

  /** [author, tag] of every entry, by author. */
  listing(round) {
    return this.#entries(round).map(([author, entry]) => [author, entry.tag]);
  }

  /** The newest round for which a ballot of one of `authors` is held; undefined without one. */
  newest(authors) {
    let newest;
    for (const [round, held] of this.#rounds) {
      if (!(round <= newest) && authors.some((author) => held.has(author))) newest = round;
    }
    return newest;
  }

  /** The newest round of which any ballot is held; -1 without one. */
  last() {
    return Math.max(-1, ...this.#rounds.keys());
  }

  /** LEDGER-6, hexadecimal. */
  hash(round, count) {
    const step = this.run.rounds_per_ballot;
    const hash = createHash("sha256");
    const inside = [...this.#rounds.keys()]
      .filter((r) => r >= round && r < round + count * step && (r - round) % step === 0)
      .sort((a, b) => a - b);
    for (const r of inside) hash.update(this.#pack(r));
    return hash.digest("hex").slice(0, 32);
  }

  #pack(round) {
    if (!this.#packed.has(round)) {
      const number = u32(round).toString("hex");
      const text = this.listing(round).map(([author, tag]) => number + author + tag).join("");
      this.#packed.set(round, Buffer.from(text, "hex"));
    }
    return this.#packed.get(round);
  }

  has(round) {
    return this.#rounds.has(round);
  }

  /** Forget what is older than `floor` or newer than `top`. */
  prune(floor, top) {
    for (const round of this.#rounds.keys()) {
      if (round >= floor && round <= top) continue;
      this.#rounds.delete(round);
      this.#packed.delete(round);
    }
  }

  #entries(round) {
    const authors = this.#rounds.get(round);
    return authors ? [...authors].sort(([a], [b]) => (a < b ? -1 : 1)) : []; // NAME-5
  }
}
