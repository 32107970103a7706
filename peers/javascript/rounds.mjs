// The rounds: when this peer votes, for whom it waits, and when it goes on (ROUND clauses).

import { neighbours, ring } from "./digraph.mjs";
import { LAST_ROUND } from "./parameters.mjs";
import { deriveIds } from "./probes.mjs";
import { digest, tally } from "./tally.mjs";

const FINISHED = 1; // a code of BYE

export class Rounds {
  phase = "JOINING";
  first = null; // the first round in which this peer votes; null: undecided
  round = null;
  voted = null; // the newest round in which it voted
  made = 0; // rounds gone through
  #castAt = 0;
  #waiting = new Map(); // round -> { expected, excused, castAt }
  #wants = new Map(); // author -> { at, gap, sentAt, postponed }
  #gained = new Set(); // rounds that have got ballots since the learner was last called
  #stayUntil = Infinity;

  constructor(peer) {
    this.peer = peer;
  }

  /** The round that this peer is in, after its last that one, as HELLO and PONG tell it; null: none. */
  open() {
    if (this.phase === "STAYING") return this.voted;
    return ["VOTING", "OPEN", "LEARNING"].includes(this.phase) ? this.round : null;
  }

  // --- before the first vote ------------------------------------------------------------------

  backToJoining() { // JOIN-3; a vote that is being made comes to nothing
    this.phase = "JOINING";
    this.first = this.round = null;
  }

  // --- one round --------------------------------------------------------------------------------

  begin(round, now) {
    const { run, ledger, me, timing } = this.peer;
    if (round >= timing.rounds || round > LAST_ROUND) return this.#stay(now);
    this.phase = "VOTING";
    this.round = round;
    this.prune();
    if (ledger.held(me.author, round).length) return this.#open(now); // as in cast
    const ids = run.ids === "derived" ? deriveIds(run.id, round, run.pool, run.votes) : null;
    this.peer.effects.push({ do: "vote", round, ids });
  }

  /** The learner has made up its mind: `labels`, and `ids` where they are explicit. */
  cast(round, { labels, ids }, now) {
    if (this.phase !== "VOTING" || round !== this.round) return;
    const { codec, ledger, me } = this.peer;
    // One of an earlier life may have come back meanwhile: not another one (ROUND-1).
    if (!ledger.held(me.author, round).length) ledger.add(codec.ballot(round, labels, ids));
    this.#open(now);
  }

  #open(now) {
    const { run, me, ledger, members } = this.peer;
    const { round } = this;
    this.phase = "OPEN";
    this.voted = round;
    this.#castAt = now;
    this.#gained.add(round);
    const roster = members.roster(round); // fixed at this moment (ROUND-2)
    const others = roster.slice(1);
    const { receivers, senders } = run.spreading === "sampled"
      ? neighbours(ring(run.id, round, roster), me.author, run.degree)
      : { receivers: others, senders: others };
    this.#waiting.set(round, { expected: senders, excused: new Set(), castAt: now });
    this.#wants.clear();
    const asking = members.present().filter(({ promised }) => promised.has(round));
    for (const author of new Set([...receivers, ...asking.map((member) => member.author)])) {
      const member = members.get(author);
      for (const ballot of ledger.held(me.author, round)) this.#sendBallot(member, ballot);
    }
  }

  #sendBallot(member, ballot) {
    if (member) this.peer.lines.send(member.endpoint, { ...ballot, kind: "VOTE" });
  }

  /** Close the round if its pace allows (ROUND-3). */
  step(now) {
    if (this.phase === "STAYING") {
      const done = this.peer.members.alive().every((member) => member.finished);
      if (done || this.#stayUntil <= now) { // ROUND-9
        this.leave();
        this.peer.finish(true, "");
      }
    }
    if (this.phase !== "OPEN") return;
    const held = this.#holdingUp().some((round) => this.#lacking(round).length);
    if (!held || this.#castAt + this.peer.timing.deadline <= now) this.#close();
  }

  /** Rounds whose ballots the pace waits for. */
  #holdingUp() {
    const { timing, run } = this.peer;
    if (timing.pace === "lockstep") return [this.round];
    if (timing.pace === "free") return [];
    const newest = this.round - timing.staleness * run.rounds_per_ballot;
    return [...this.#waiting.keys()].filter((round) => round <= newest);
  }

  /** Authors that are still waited for in a round. */
  #lacking(round) {
    const { members, ledger } = this.peer;
    const { expected, excused } = this.#waiting.get(round) ?? { expected: [] };
    return expected.filter((author) => {
      const member = members.get(author);
      if (!member || member.state !== "alive" || excused.has(author)) return false; // ROUND-6
      // One that is undecided again may still vote in it.
      if (member.first !== null && member.first > round) return false;
      if (member.last !== undefined && member.last < round) return false; // will not vote in it
      return ledger.tag(author, round) === null;
    });
  }

  #close() {
    const { peer, round } = this;
    const { run, ledger, timing } = peer;
    this.phase = "LEARNING";
    const slack = timing.pace === "bounded" ? timing.staleness * run.rounds_per_ballot : 0;
    for (const r of this.#waiting.keys()) if (r <= round - slack) this.#waiting.delete(r); // ROUND-3
    const ballots = ledger.ballots(round);
    const counted = tally(run, round, ballots);
    peer.tell({ event: "round", round, heard: ballots.map(({ author }) => author) });
    peer.tell({ event: "tally", round, ballots: ballots.length, digest: digest(run, counted) });
    const rounds = timing.pace === "lockstep"
      ? [round] : [...this.#gained].filter((r) => r <= round).sort((a, b) => a - b);
    for (const r of rounds) this.#gained.delete(r);
    const tallies = rounds.map((r) => (r === round ? counted : tally(run, r, ledger.ballots(r))));
    peer.effects.push({ do: "learn", round, tallies });
  }

  /** The learner is through with `round`. */
  learned(round, now) {
    if (this.phase !== "LEARNING" || round !== this.round) return;
    this.made += Math.min(this.peer.run.rounds_per_ballot, this.peer.timing.rounds - round);
    this.begin(this.#next(), now);
  }

  #next() {
    const { run, timing, members } = this.peer;
    const step = run.rounds_per_ballot;
    const next = this.round + step;
    if (timing.pace === "free") return next;
    const rounds = members.alive().map((member) => member.newest).filter((r) => r !== null)
      .sort((a, b) => a - b);
    if (rounds.length === 0) return next;
    const median = Math.floor(rounds[(rounds.length - 1) >> 1] / step) * step; // the lower one
    const slack = Math.floor(Math.log2(rounds.length)) + 3 +
      (timing.pace === "lockstep" ? 0 : timing.staleness);
    // ROUND-8.  What others claim must not end a run: never past the last round, nor far at once.
    if (median - next <= slack * step || median >= timing.rounds) return next;
    return Math.min(median, next + timing.ahead * step);
  }

  // --- leaving ----------------------------------------------------------------------------------

  #stay(now) { // ROUND-9
    this.phase = "STAYING";
    this.round = null;
    this.#waiting.clear();
    this.#stayUntil = now + this.peer.timing.deadline;
    for (const member of this.peer.members.present()) this.sayFinished(member);
  }

  sayFinished(member) {
    this.#bye(member, FINISHED, "finished");
  }

  leave() { // ROUND-10
    for (const member of this.peer.members.present()) this.#bye(member, 0, "leaving");
  }

  #bye(member, code, text) {
    this.peer.lines.send(member.endpoint, { kind: "BYE", code, last: this.voted, text });
  }

  // --- ballots and questions of others ----------------------------------------------------------

  /** First and last round of which ballots are taken (ROUND-7). */
  window() {
    const step = this.peer.run.rounds_per_ballot;
    const { retain, ahead } = this.peer.timing;
    const index = this.#here() / step;
    const quarter = Math.max(1, Math.floor(retain / 4));
    const floor = Math.floor(Math.max(0, index - retain) / quarter) * quarter; // REPAIR-2
    return {
      kept: Math.max(0, floor - quarter) * step, // one step longer than is compared
      compared: floor * step,
      newest: Math.min((index + ahead) * step, LAST_ROUND),
    };
  }

  /** The own round; before there is one, where the others are. */
  #here() {
    const step = this.peer.run.rounds_per_ballot;
    const theirs = () => Math.max(0, ...this.peer.members.present().map((m) => m.newest ?? 0));
    return Math.floor((this.round ?? this.voted ?? this.first ?? theirs()) / step) * step;
  }

  /** Forget what is outside the window. */
  prune() {
    const { kept, newest } = this.window();
    this.peer.ledger.prune(kept, newest);
    for (const round of this.#gained) if (round < kept || round > newest) this.#gained.delete(round);
    for (const { promised } of this.peer.members.all()) {
      for (const round of promised) if (round < this.round) promised.delete(round);
    }
    for (const round of this.#waiting.keys()) if (round < kept) this.#waiting.delete(round);
  }

  gained(round) {
    this.#gained.add(round);
  }

  /** WANT came from a member (ROUND-5). */
  wanted(member, entries) {
    const { me, ledger, lines } = this.peer;
    let missing = false;
    const asked = new Set();
    for (const [author, round] of entries) {
      if (asked.has(author + round)) continue; // once is enough
      asked.add(author + round);
      const held = ledger.held(author, round);
      for (const ballot of held) this.#sendBallot(member, ballot);
      if (author !== me.author || held.length) continue;
      missing = true;
      const isFirst = round % this.peer.run.rounds_per_ballot === 0 && round <= LAST_ROUND;
      if (isFirst) this.peer.members.seenIn(member, round); // MEMBER-8
      if (isFirst && this.#willCast(round)) member.promised.add(round);
    }
    if (missing) lines.send(member.endpoint, this.pong(0));
  }

  #willCast(round) {
    const ahead = round <= this.window().newest && round < this.peer.timing.rounds;
    return ahead && (this.round === null || round >= this.round) && this.phase !== "STAYING";
  }

  pong(nonce) {
    const before = nonce === 0 && this.phase === "JOINING" ? this.first : null; // PING-2
    return { kind: "PONG", nonce, roster: this.peer.members.sum(), round: this.open() ?? before };
  }

  /** PONG with nonce 0: the own ballot that was asked for is not there (ROUND-6). */
  refusedBallot(author, theirs) {
    for (const [round, { expected, excused }] of this.#waiting) {
      const before = theirs === undefined || theirs > round;
      if (before && expected.includes(author)) excused.add(author);
    }
  }

  // --- time ---------------------------------------------------------------------------------------

  /** author -> rounds whose ballots were missing for `patience` (ROUND-4), and when to ask next. */
  *#questions() {
    if (this.phase !== "OPEN") return;
    const { patience } = this.peer.timing;
    const byAuthor = new Map();
    for (const [round, { castAt }] of this.#waiting) {
      for (const author of this.#lacking(round)) {
        const asked = byAuthor.get(author) ?? { author, rounds: [], at: Infinity };
        asked.rounds.push(round);
        asked.at = Math.min(asked.at, castAt + patience);
        byAuthor.set(author, asked);
      }
    }
    for (const asked of byAuthor.values()) {
      yield { ...asked, at: this.#wants.get(asked.author)?.at ?? asked.at };
    }
  }

  due() {
    if (this.phase === "STAYING") return this.#stayUntil;
    let due = Infinity;
    for (const { castAt } of this.#waiting.values()) due = Math.min(due, castAt + this.peer.timing.deadline);
    for (const { at } of this.#questions()) due = Math.min(due, at);
    return due;
  }

  tick(now) {
    const { timing, members, lines } = this.peer;
    for (const [round, { castAt }] of this.#waiting) {
      // Who was not heard within the deadline of a round is not waited for in later ones either.
      const isOpen = this.phase === "OPEN" && round === this.round;
      if (!isOpen && castAt + timing.deadline <= now) this.#waiting.delete(round);
    }
    for (const { author, rounds, at } of [...this.#questions()]) {
      if (at > now) continue;
      const member = members.get(author);
      const before = this.#wants.get(author);
      const answered = Boolean(before && member.heardAt >= before.sentAt);
      if (answered && !before.postponed) { // not silent, so at growing distances
        const gap = Math.min(before.gap * 2, Math.max(timing.patience, timing.probe_interval));
        Object.assign(before, { gap, at: before.sentAt + gap, postponed: true });
        if (before.at > now) continue;
      }
      const gap = answered ? before.gap : timing.patience;
      this.#wants.set(author, { at: now + timing.patience, gap, sentAt: now, postponed: false });
      lines.send(member.endpoint, { kind: "WANT", entries: rounds.map((round) => [author, round]) });
      members.ask(member, now);
    }
  }
}
