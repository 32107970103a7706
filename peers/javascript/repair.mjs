// What was lost in a broadcast run is found out and mended (REPAIR clauses).

import { ANNULLED } from "./ledger.mjs";
import { LAST_ROUND, LIMITS } from "./parameters.mjs";

const PARTS = 8; // of a range whose hashes differ
const OVERLAP = 4; // how often the rounds of one DIGEST may cover the window

export class Repair {
  #nextDigest = Infinity;

  constructor(peer) {
    this.peer = peer;
  }

  start(now) {
    if (this.peer.run.spreading === "broadcast") this.#nextDigest = now + this.peer.timing.gossip_interval;
  }

  due() {
    return this.#nextDigest;
  }

  tick(now) { // REPAIR-1
    if (this.#nextDigest > now) return;
    this.#nextDigest = now + this.peer.timing.gossip_interval;
    const [member] = this.peer.shuffled(this.peer.members.alive());
    const { rounds, run } = this.peer;
    const newest = this.#newest();
    if (!member || newest < 0) return;
    const step = run.rounds_per_ballot;
    const { compared } = rounds.window();
    const older = Math.max(0, (newest - step - compared) / step);
    const ranges = older ? [[compared, older]] : [];
    for (const round of [newest - step, newest]) if (round >= compared) ranges.push([round, 1]);
    this.#send(member, ranges);
  }

  /** The newest round that is compared: the own one, or that of a ballot if it is later; -1: none yet. */
  #newest() {
    const { rounds, ledger } = this.peer;
    if (rounds.phase === "JOINING") return -1;
    return Math.max(rounds.open() ?? rounds.voted ?? -1, ledger.last());
  }

  #send(member, ranges) {
    const entries = ranges.map(([round, count]) => [round, count, this.peer.ledger.hash(round, count)]);
    if (entries.length) this.peer.lines.send(member.endpoint, { kind: "DIGEST", entries });
  }

  /** DIGEST came (REPAIR-3). */
  digest(member, entries) {
    const { run, ledger, rounds, lines } = this.peer;
    if (run.spreading !== "broadcast") return;
    const step = run.rounds_per_ballot;
    if (this.#newest() < 0) return; // it compares nothing yet
    const { compared, newest } = rounds.window();
    const split = [];
    const seen = new Set();
    // Honest ranges do not overlap; those that do must not keep this peer hashing.
    let budget = OVERLAP * ((newest - compared) / step + 1) + LIMITS.digest;
    for (const [round, count, hash] of entries) {
      const last = round + (count - 1) * step;
      if (round % step || count === 0 || last > LAST_ROUND) continue; // DIGEST-2
      if (round < compared || last > newest) continue;
      if (seen.has(`${round} ${count}`) || (budget -= count) < 0) continue;
      seen.add(`${round} ${count}`);
      if (ledger.hash(round, count) === hash) continue;
      if (count === 1) {
        const listing = ledger.listing(round).slice(0, LIMITS.have);
        lines.send(member.endpoint, { kind: "HAVE", round, entries: listing });
      } else {
        split.push(...parts(round, count, step));
      }
    }
    for (let at = 0; at < split.length; at += LIMITS.digest) {
      this.#send(member, split.slice(at, at + LIMITS.digest));
    }
  }

  /** HAVE came (REPAIR-4). */
  have(member, round, listed) {
    const { run, ledger, rounds, lines } = this.peer;
    if (run.spreading !== "broadcast") return;
    const { kept, newest } = rounds.window();
    if (round % run.rounds_per_ballot || round < kept || round > newest) return; // HAVE-3
    const theirs = new Map(listed);
    const wanted = listed
      .filter(([author, tag]) => ![tag, ANNULLED].includes(ledger.tag(author, round)))
      .map(([author]) => [author, round]);
    const given = ledger.listing(round)
      .filter(([author, tag]) => ![tag, ANNULLED].includes(theirs.get(author)))
      .flatMap(([author]) => ledger.held(author, round));
    if (wanted.length) {
      lines.send(member.endpoint, { kind: "WANT", entries: wanted.slice(0, LIMITS.want) });
      this.peer.members.ask(member, this.peer.now);
    }
    for (const ballot of given.slice(0, LIMITS.want)) {
      lines.send(member.endpoint, { ...ballot, kind: "VOTE" });
    }
  }
}

/** A range in at most eight parts of nearly equal size. */
function parts(round, count, step) {
  const size = Math.ceil(count / PARTS);
  const found = [];
  for (let at = 0; at < count; at += size) {
    found.push([round + at * step, Math.min(size, count - at)]);
  }
  return found;
}
