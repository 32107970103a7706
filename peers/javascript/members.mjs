// Who takes part, and who still answers (MEMBER clauses).

import { LIMITS } from "./parameters.mjs";

export class Members {
  #byAuthor = new Map();
  #order = []; // members to be pinged before any is pinged twice (MEMBER-2)
  #nextProbe;

  constructor(peer) {
    this.peer = peer;
  }

  start(now) {
    this.#nextProbe = now + this.peer.timing.probe_interval;
  }

  get(author) {
    return this.#byAuthor.get(author);
  }

  all() {
    return [...this.#byAuthor.values()];
  }

  /** All that are not gone. */
  present() {
    return this.all().filter((member) => member.state !== "gone");
  }

  alive() {
    return this.all().filter((member) => member.state === "alive");
  }

  at(endpoint) {
    return this.present().find((member) => member.endpoint === endpoint);
  }

  /** Usually one at most; but anybody may name an endpoint that is another's. */
  allAt(endpoint) {
    return this.present().filter((member) => member.endpoint === endpoint);
  }

  /** A new member as HELLO tells it, or undefined where there is no room (LIMIT-3). */
  add(author, now) {
    if (this.#byAuthor.size >= LIMITS.members) {
      const forgotten = this.all().find((member) => member.state === "gone");
      if (!forgotten) return undefined;
      this.#byAuthor.delete(forgotten.author);
      this.peer.unbind((author) => author === forgotten.author);
    }
    const member = {
      author, identity: null, instance: null, endpoint: null,
      former: [], // earlier instances, the last eight (CONTACT-6)
      state: "alive",
      first: null, // first round; null: undecided
      newest: null, // newest round seen
      last: undefined, // what BYE said: a round, or -1 for none
      finished: false, // BYE with code FINISHED
      byBye: false, // gone by BYE
      heardAt: now,
      askedAt: null, // since when it owes an answer
      pingAt: Infinity, // when it is asked again
      suspectAt: null,
      unsure: false, // its line broke: another process may be there now
      reopenAt: Infinity, // when a broken line is opened again
      lostAt: -Infinity, // when it broke
      sumAt: -Infinity, // when it was last sent PEERS because rosters differed
      promised: new Set(), // rounds whose own ballots it has asked for too early (ROUND-5)
    };
    this.#byAuthor.set(author, member);
    return member;
  }

  // --- what is heard of a member -------------------------------------------------------------

  /** Any message of it, also one that was refused (MEMBER-1, VERDICT-1). */
  heard(member, now) {
    if (member.state === "gone" && member.byBye) return;
    member.heardAt = now;
    this.#answered(member);
    if (member.state !== "alive") this.revive(member, now);
  }

  #answered(member) {
    member.askedAt = null;
    member.pingAt = Infinity;
  }

  revive(member, now) {
    this.#answered(member);
    member.state = "alive";
    member.byBye = false;
    member.suspectAt = null;
    this.#tell(member);
    if (member.reopenAt === Infinity) this.peer.lines.open(member.endpoint, now);
  }

  seenIn(member, round) {
    if (round !== undefined && round > (member.newest ?? -1)) member.newest = round;
  }

  bye(member, { code, last }) {
    member.last = last ?? -1;
    this.seenIn(member, last);
    if (code === 1) member.finished = true;
    else this.#leave(member, true); // MEMBER-5, BYE-2
  }

  /** The line to it broke (MEMBER-4, MEMBER-5). */
  lost(member, now) {
    if (member.state === "gone") return;
    if (member.finished) return this.#leave(member, false);
    member.unsure = true;
    this.#suspect(member, now);
    // Opened again, so that its host is asked whether somebody is still there; but not in a circle.
    const again = member.lostAt + this.peer.timing.patience;
    member.lostAt = now;
    if (again <= now) this.peer.lines.open(member.endpoint, now);
    else member.reopenAt = again;
    this.ask(member, now);
  }

  /** A question was sent to it that it owes an answer to. */
  ask(member, now) {
    if (member.state === "gone" || member.askedAt !== null) return;
    member.askedAt = now;
    member.pingAt = now + this.peer.timing.patience;
  }

  #suspect(member, now) {
    if (member.state !== "alive") return;
    member.state = "suspect";
    member.suspectAt = now;
    this.#tell(member);
  }

  #leave(member, byBye) {
    if (member.state === "gone") return;
    member.state = "gone";
    member.byBye = byBye;
    this.#answered(member);
    member.reopenAt = Infinity;
    this.#tell(member);
    if (!this.at(member.endpoint)) this.peer.lines.close(member.endpoint);
  }

  #tell({ author, state }) {
    this.peer.tell({ event: "member", author, state });
  }

  // --- who is there --------------------------------------------------------------------------

  /** Authors in the roster of a round, the own one first (MEMBER-6). */
  roster(round) {
    const isIn = ({ first, last, state, newest }) => {
      if (first === null || first > round) return false;
      const end = last ?? (state === "gone" ? newest ?? -1 : Infinity);
      return round <= end;
    };
    return [this.peer.me.author, ...this.all().filter(isIn).map((member) => member.author)];
  }

  /** MEMBER-7. */
  sum() {
    const word = (author, first) =>
      parseInt(author.slice(0, 8), 16) ^ (first === null ? 0 : Math.imul(first + 1, 2654435761));
    let sum = word(this.peer.me.author, this.peer.rounds.first);
    for (const { author, first } of this.present()) sum ^= word(author, first);
    return sum >>> 0;
  }

  // --- time ----------------------------------------------------------------------------------

  /** This peer was itself late: nobody is to blame for that time (MEMBER-4). */
  putOff(late) {
    for (const member of this.#byAuthor.values()) {
      if (member.askedAt !== null) member.askedAt += late;
      if (member.suspectAt !== null) member.suspectAt += late;
    }
  }

  due() {
    const { suspect_after: patient, gone_after: given } = this.peer.timing;
    let due = this.#nextProbe;
    for (const { state, askedAt, pingAt, suspectAt, reopenAt } of this.#byAuthor.values()) {
      if (state === "gone") continue;
      if (state === "alive" && askedAt !== null) due = Math.min(due, askedAt + patient);
      if (state === "suspect") due = Math.min(due, suspectAt + given);
      due = Math.min(due, pingAt, reopenAt);
    }
    return due;
  }

  tick(now) {
    const { timing, lines } = this.peer;
    for (const member of this.present()) {
      if (member.askedAt !== null && member.askedAt + timing.suspect_after <= now) this.#suspect(member, now);
      if (member.state === "suspect" && member.suspectAt + timing.gone_after <= now) {
        this.#leave(member, false);
        continue;
      }
      if (member.reopenAt <= now) {
        member.reopenAt = Infinity;
        lines.open(member.endpoint, now);
      }
      if (member.pingAt <= now) {
        member.pingAt = now + timing.patience;
        this.#ping(member);
      }
    }
    if (this.#nextProbe <= now) {
      this.#nextProbe = now + timing.probe_interval;
      this.#probe(now);
    }
  }

  #probe(now) {
    const quiet = ({ state, heardAt }) =>
      state === "alive" && heardAt + this.peer.timing.probe_interval <= now;
    for (const refilled of [false, true]) {
      if (refilled) this.#order = this.peer.shuffled(this.alive().map((member) => member.author));
      while (this.#order.length) {
        const member = this.get(this.#order.pop());
        if (!member || !quiet(member)) continue;
        this.ask(member, now);
        return this.#ping(member);
      }
    }
  }

  /** PING to somebody at once: the answer names who is lacking here (JOIN-2). */
  whoElse(now) {
    const [member] = this.peer.shuffled(this.alive());
    if (!member) return;
    this.ask(member, now);
    this.#ping(member);
  }

  #ping(member) {
    const { peer } = this;
    const nonce = 1 + Math.floor(peer.random() * 0xffffffff); // PING-1
    peer.lines.send(member.endpoint, { kind: "PING", nonce, roster: this.sum() });
    peer.lines.grease(member.endpoint);
  }
}
