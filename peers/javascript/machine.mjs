// The peer as a machine: events in, effects out. It reads no clock, opens no socket and draws from
// the `random` that it is given, so a script (chapter 9.3) can play whole swarms of it in no time.
//
// Events: start, receive, lost, cast, learned, tick, stop; each with `now` in seconds of any clock
// that never goes back. Effects, in order, from `drain()`:
//   open | close  endpoint            a DEALER
//   send          endpoint, frame
//   vote          round, ids          answer with `cast`
//   learn         round, tallies      answer with `learned`
//   tell          event               for people and tests
//   finish        completed, text

import { Codec } from "./codec.mjs";
import { Joining } from "./joining.mjs";
import { Ledger } from "./ledger.mjs";
import { Lines } from "./lines.mjs";
import { Members } from "./members.mjs";
import { LIMITS } from "./parameters.mjs";
import { Refusal, require } from "./reasons.mjs";
import { Repair } from "./repair.mjs";
import { Rounds } from "./rounds.mjs";
import { authorOf, keyPair } from "./seal.mjs";

const ERROR = 0x03; // the kind
const SHOWN = 8; // refusals of one reason that are shown a second

export class PeerMachine {
  #links = new Map(); // link -> { author, identity, instance }, the oldest HELLO first
  #shownAt = -Infinity;
  #shown = new Map(); // reason -> how often it was shown in this second
  #dueAt = Infinity;

  /** `secret`: 32 bytes, hexadecimal: the Ed25519 seed in a sealed run (SEAL-1), else the identity. */
  constructor({
    run, timing, secret, instance, random, agent = "tally-javascript/0.1",
    lines = LIMITS.members, // how many there may be at once
    greases = true, // GREASE-2
  }) {
    const keys = run.sealed ? keyPair(secret) : { identity: secret };
    this.run = run;
    this.timing = timing;
    this.random = random; // () -> [0, 1)
    this.greases = greases;
    this.me = { ...keys, author: authorOf(keys.identity), instance, agent, endpoint: null };
    this.effects = [];
    this.codec = new Codec(run, this.me);
    this.ledger = new Ledger(run, this.me.author);
    this.lines = new Lines(this, lines);
    this.members = new Members(this);
    this.rounds = new Rounds(this);
    this.joining = new Joining(this);
    this.repair = new Repair(this);
  }

  // --- events -------------------------------------------------------------------------------------

  start({ endpoint, seeds = [], fresh = false }, now) {
    this.me.endpoint = endpoint;
    this.now = now;
    this.members.start(now);
    this.repair.start(now);
    this.joining.start(seeds.filter((seed) => seed !== endpoint), fresh, now);
    this.#settle(now);
  }

  /** A message came: `frames` (Buffers) on an inbound connection `link`. Returns what became of it:
   * `verdict`, and `reason` and `text` where it was refused. */
  receive(link, frames, now) {
    this.#enter(now);
    const sender = this.#links.get(link) ?? null;
    const member = sender && this.members.get(sender.author);
    let outcome = { verdict: "accept" };
    try {
      const message = this.codec.decode(frames, sender);
      if (this.rounds.phase === "DONE") return outcome; // it has left
      if (member && message.kind !== "HELLO") this.members.heard(member, now);
      this.#take(link, message, member, now);
    } catch (error) {
      const answers = frames[0]?.[0] !== ERROR; // ERROR-2
      outcome = this.#refuse(error, member, answers, now);
    }
    this.#settle(now);
    return outcome;
  }

  lost(endpoint, now) {
    this.#enter(now);
    this.lines.lost(endpoint, now);
    this.#settle(now);
  }

  cast(round, vote, now) {
    this.#enter(now);
    this.rounds.cast(round, vote, now);
    this.#settle(now);
  }

  learned(round, now) {
    this.#enter(now);
    this.rounds.learned(round, now);
    this.#settle(now);
  }

  tick(now) {
    this.#enter(now);
    this.members.tick(now);
    this.lines.tick(now);
    this.rounds.tick(now);
    this.repair.tick(now);
    this.#settle(now);
  }

  stop(now) {
    if (this.rounds.phase === "DONE") return;
    this.rounds.leave();
    this.finish(false, "asked to leave");
  }

  /** When `tick` is due next; Infinity: not without another event. */
  due() {
    return this.#dueAt;
  }

  drain() {
    return this.effects.splice(0);
  }

  // --- for the parts ------------------------------------------------------------------------------

  tell(event) {
    this.effects.push({ do: "tell", event });
  }

  shuffled(items) {
    const order = [...items];
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  finish(completed, text) {
    this.rounds.phase = "DONE";
    for (const endpoint of this.lines.endpoints()) this.lines.close(endpoint);
    this.effects.push({ do: "finish", completed, text });
  }

  // --- inside ---------------------------------------------------------------------------------------

  #enter(now) {
    this.now = now;
    const late = now - this.#dueAt;
    if (late > this.timing.suspect_after / 2) this.members.putOff(late); // MEMBER-4
  }

  #settle(now) {
    if (this.rounds.phase !== "DONE") this.joining.step(now);
    if (this.rounds.phase !== "DONE") this.rounds.step(now);
    this.#dueAt = this.rounds.phase === "DONE" ? Infinity : Math.min(
      this.members.due(), this.lines.due(), this.joining.due(), this.rounds.due(), this.repair.due(),
    );
  }

  #take(link, message, member, now) {
    switch (message.kind) {
      case "HELLO": return this.#hello(link, message, now);
      case "VOTE": return this.#vote(message, member);
      case "ERROR": // changes nothing, whoever sent it (ERROR-3)
        return this.#show(message.code, message.text, true, member, now);
      case "BYE":
        require(member, "EARLY", "BYE before HELLO"); // CONTACT-10
        return this.members.bye(member, message);
      case "PING":
        this.lines.send(member.endpoint, this.rounds.pong(message.nonce)); // MEMBER-3
        return this.#compare(member, message.roster, now);
      case "PONG":
        if (message.nonce === 0) this.rounds.refusedBallot(member.author, message.round); // ROUND-6
        else this.members.seenIn(member, message.round);
        return this.#compare(member, message.roster, now);
      case "PEERS":
        for (const endpoint of message.endpoints) { // CONTACT-9
          const left = (m) => m.endpoint === endpoint && m.state === "gone";
          if (!this.members.all().some(left)) this.lines.open(endpoint, now);
        }
        return;
      case "WANT": return this.rounds.wanted(member, message.entries);
      case "DIGEST": return this.repair.digest(member, message.entries);
      case "HAVE": return this.repair.have(member, message.round, message.entries);
    }
  }

  #hello(link, hello, now) {
    const { me } = this;
    const { endpoint } = hello;
    // This peer has dialled itself by another name:
    if (hello.identity === me.identity && hello.instance === me.instance) return;
    const author = authorOf(hello.identity);
    const before = this.members.get(author);
    if (author === me.author || (before && before.identity !== hello.identity)) { // CONTACT-7
      throw new Refusal("AUTHOR", "somebody else has this identity or author id", { endpoint });
    }
    if (before?.former.includes(hello.instance)) { // CONTACT-6: late, or repeated by somebody else
      throw new Refusal("EARLY", "an instance that another has replaced");
    }
    const member = before ?? this.members.add(author, now);
    if (!member) throw new Refusal("LIMIT", "too many members", { endpoint });
    const isFirst = member.instance !== hello.instance;
    if (before && isFirst) { // CONTACT-6
      this.unbind((bound) => bound === author);
      member.former = [...member.former.slice(-7), member.instance];
    }
    this.#bind(link, { author, identity: hello.identity, instance: hello.instance });

    const moved = isFirst || member.endpoint !== endpoint;
    const shared = member.endpoint !== endpoint &&
      this.members.allAt(member.endpoint).some((other) => other !== member);
    if (before && moved && !shared) this.lines.close(member.endpoint); // CONTACT-6
    if (moved || member.state === "gone") member.newest = null; // MEMBER-8
    if (isFirst || member.byBye) Object.assign(member, { last: undefined, finished: false });
    Object.assign(member, {
      identity: hello.identity, instance: hello.instance, endpoint,
      first: hello.start ?? null, unsure: false, reopenAt: Infinity, heardAt: now,
    });
    this.members.seenIn(member, hello.round);

    const hadLine = this.lines.has(endpoint);
    this.lines.answered(endpoint);
    if (!before) this.tell({ event: "member", author, state: "alive" });
    if (member.state !== "alive") this.members.revive(member, now);
    else this.members.heard(member, now);
    this.lines.open(endpoint, now); // CONTACT-4; says HELLO if it was not open yet
    if (hadLine && !hello.met && before) this.lines.hello(endpoint); // CONTACT-5
    if (hello.known < this.lines.endpoints().length + 1) this.lines.peers(endpoint); // CONTACT-8
    if (this.rounds.phase === "STAYING") this.rounds.sayFinished(member);
    this.joining.answered(hello, isFirst, now);
  }

  /** Forget the connections of some authors. */
  unbind(isOne) {
    for (const [link, { author }] of this.#links) if (isOne(author)) this.#links.delete(link);
  }

  #bind(link, sender) { // LIMIT-3
    this.#links.delete(link);
    if (this.#links.size >= LIMITS.links) this.#links.delete(this.#links.keys().next().value);
    this.#links.set(link, sender);
  }

  #vote({ kind, ...ballot }, member) {
    const { round, author } = ballot;
    const { kept, newest } = this.rounds.window();
    // Also by a ballot that comes too early: so a peer that slept learns how far the others are.
    if (author === member.author) this.members.seenIn(member, round); // MEMBER-8
    if (round < kept || round > newest) { // ROUND-7
      throw new Refusal("ROUND", `round ${round} is outside ${kept} to ${newest}`);
    }
    // Before the first round the window goes where others say that they are: nothing stays behind.
    if (!this.ledger.has(round)) this.rounds.prune();
    const outcome = this.ledger.add(ballot);
    if (outcome === "new") this.rounds.gained(round);
    if (outcome === "annulled") {
      throw new Refusal("EQUIVOCATION", `two ballots of ${author} for round ${round}`);
    }
  }

  #compare(member, roster, now) { // MEMBER-7
    if (roster === this.members.sum() || now < member.sumAt + this.timing.patience) return;
    member.sumAt = now;
    this.lines.hello(member.endpoint);
    this.lines.peers(member.endpoint);
  }

  /** For a person, at a bounded rate (VERDICT-1): what strangers can make this peer write has an end. */
  #show(reason, text, byThem, member, now) {
    if (now >= this.#shownAt + 1) [this.#shownAt, this.#shown] = [now, new Map()];
    const what = byThem ? "theirs" : reason;
    const shown = (this.#shown.get(what) ?? 0) + 1;
    this.#shown.set(what, shown);
    if (shown > SHOWN) return;
    this.tell({ event: "refused", reason, text, by_them: byThem, author: member?.author ?? null });
  }

  #refuse(error, member, answers, now) {
    const refusal = error instanceof Refusal ? error : new Refusal("INTERNAL", String(error));
    if (refusal !== error) this.tell({ event: "fault", text: String(error.stack) });
    const { reason, code, verdict, message: text, about } = refusal;
    if (this.rounds.phase === "DONE") return { verdict, reason, text };
    if (member) this.members.heard(member, now);
    const silent = reason === "TYPE" && about.kind >= 0x80; // FRAME-10: nothing of these
    if (!silent) this.#show(code, text, false, member, now);
    if (about.endpoint) { // CONTACT-3, CONTACT-7, VERSION-2, VERDICT-3
      this.lines.error(about.endpoint, reason, reason === "RUN" ? this.run.descriptor : text, now);
    } else if (member && answers && !silent && reason !== "EQUIVOCATION" && (verdict === "reject" || reason === "TYPE")) {
      this.lines.error(member.endpoint, reason, text, now); // VERDICT-3, FRAME-10
    }
    return { verdict, reason, text };
  }
}
