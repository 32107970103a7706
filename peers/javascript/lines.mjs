// Outbound connections, one for each endpoint, and HELLO, which is the first on each (CONTACT clauses).

import { LIMITS } from "./parameters.mjs";
import { REASONS } from "./reasons.mjs";

const GREASE_KINDS = [0x8a, 0x9a, 0xaa, 0xba, 0xca, 0xda, 0xea, 0xfa]; // GREASE-1
const GREASE_SHARE = 1 / 8; // GREASE-2

export class Lines {
  #lines = new Map(); // endpoint -> { openedAt, helloAt, gap, answered, broken }
  #errorAt = -Infinity;

  /** `most`: how many lines there may be at once (CONTACT-9). */
  constructor(peer, most) {
    this.peer = peer;
    this.most = Math.min(most, LIMITS.members);
  }

  has(endpoint) {
    return this.#lines.has(endpoint);
  }

  endpoints() {
    return [...this.#lines.keys()];
  }

  /** Dial an endpoint and say HELLO, unless that was done (CONTACT-1, CONTACT-2, CONTACT-9). */
  open(endpoint, now) {
    const { peer } = this;
    if (this.has(endpoint) || endpoint === peer.me.endpoint) return;
    const { patience } = peer.timing;
    const member = peer.members.at(endpoint);
    if (this.#lines.size >= this.most && !(member && this.#makeRoom())) return;
    this.#lines.set(endpoint, {
      openedAt: now, helloAt: now + patience, gap: patience, broken: false,
      answered: Boolean(member && !member.unsure),
    });
    peer.effects.push({ do: "open", endpoint });
    this.hello(endpoint);
  }

  /** Names that somebody made up must not keep a member from being reached: the oldest line on which
   * nobody has answered is given up. Whether there was one. */
  #makeRoom() {
    const [endpoint] = [...this.#lines].find(([, line]) => !line.answered) ?? [];
    if (endpoint) this.close(endpoint);
    return Boolean(endpoint);
  }

  close(endpoint) {
    if (this.#lines.delete(endpoint)) this.peer.effects.push({ do: "close", endpoint });
  }

  /** The shell tells that a connection broke; what it had not sent is lost. */
  lost(endpoint, now) {
    if (!this.has(endpoint)) return;
    const members = this.peer.members.allAt(endpoint);
    const line = this.#lines.get(endpoint);
    // libzmq would connect again by itself, without HELLO (CONTACT-2).
    if (members.length) {
      this.close(endpoint);
      for (const member of members) this.peer.members.lost(member, now);
    } else if (!line.broken) { // nobody has answered there yet: tried again when HELLO is due
      this.peer.effects.push({ do: "close", endpoint });
      line.broken = true;
    }
  }

  /** Send a message on the line to `endpoint`; without a line it is dropped (FRAME-5). */
  send(endpoint, message) {
    if (this.#lines.get(endpoint)?.broken === false) this.#push(endpoint, this.peer.codec.encode(message));
  }

  #push(endpoint, frame) {
    this.peer.effects.push({ do: "send", endpoint, frame });
  }

  hello(endpoint) {
    const { me, run, rounds, members, ledger } = this.peer;
    const member = members.at(endpoint);
    const hello = {
      kind: "HELLO",
      agent: me.agent,
      endpoint: me.endpoint,
      held: ledger.newest(members.allAt(endpoint).map(({ author }) => author)),
      identity: me.identity,
      instance: me.instance,
      known: this.#lines.size + 1,
      met: Boolean(member && !member.unsure),
      round: rounds.open() ?? undefined,
      run: run.digest,
      start: rounds.first ?? undefined,
      versions: [1, 1],
    };
    if (this.peer.greases && this.peer.random() < GREASE_SHARE) {
      const digits = Math.floor(this.peer.random() * 0x10000).toString(16).padStart(4, "0");
      hello.grease = [[`grease-${digits}`, Math.floor(this.peer.random() * 0x100)]];
    }
    this.send(endpoint, hello);
  }

  helloAll() {
    for (const endpoint of this.endpoints()) this.hello(endpoint);
  }

  /** HELLO came from who listens at `endpoint`. */
  answered(endpoint) {
    const line = this.#lines.get(endpoint);
    if (line) line.answered = true;
  }

  allAnswered() {
    return [...this.#lines.values()].every((line) => line.answered);
  }

  /** Endpoints that the one at `endpoint` may not know (PEERS-1, CONTACT-8). */
  peers(endpoint) {
    const others = this.peer.members.alive().map((m) => m.endpoint).filter((e) => e !== endpoint);
    const endpoints = this.peer.shuffled([...new Set(others)]).slice(0, LIMITS.peers);
    if (endpoints.length) this.send(endpoint, { kind: "PEERS", endpoints });
  }

  /** ERROR to an endpoint, at most one a second (VERDICT-4). Where there is no line, one is opened for
   * it alone, without HELLO: those two are in different runs, or cannot be members (CONTACT-3). */
  error(endpoint, reason, text, now) {
    if (now < this.#errorAt + 1 || endpoint === this.peer.me.endpoint) return;
    this.#errorAt = now;
    const frame = this.peer.codec.encode({ kind: "ERROR", code: REASONS[reason][0], text });
    if (this.#lines.get(endpoint)?.broken === false) return this.#push(endpoint, frame);
    this.peer.effects.push({ do: "open", endpoint });
    this.#push(endpoint, frame);
    this.peer.effects.push({ do: "close", endpoint });
  }

  /** Now and then a frame that means nothing (GREASE-2). */
  grease(endpoint) {
    const { random, greases } = this.peer;
    if (!greases || random() >= GREASE_SHARE || this.#lines.get(endpoint)?.broken !== false) return;
    const kind = GREASE_KINDS[Math.floor(random() * GREASE_KINDS.length)];
    const size = Math.floor(random() * 17);
    const bytes = Array.from({ length: size }, () => Math.floor(random() * 256));
    this.#push(endpoint, Buffer.from([kind, 0, ...bytes]));
  }

  // --- time: HELLO again where nobody has answered (CONTACT-11) -------------------------------

  due() {
    let due = Infinity;
    for (const { answered, helloAt, openedAt } of this.#lines.values()) {
      if (!answered) due = Math.min(due, helloAt, openedAt + this.peer.timing.join_deadline);
    }
    return due;
  }

  tick(now) {
    const { join_deadline: given, probe_interval: most } = this.peer.timing;
    for (const [endpoint, line] of this.#lines) {
      if (line.answered) continue;
      if (line.openedAt + given <= now) {
        this.close(endpoint);
      } else if (line.helloAt <= now) {
        line.gap = Math.min(line.gap * 2, most);
        line.helloAt = now + line.gap;
        if (line.broken) this.peer.effects.push({ do: "open", endpoint });
        line.broken = false;
        this.hello(endpoint);
      }
    }
  }
}
