// When to vote for the first time (JOIN clauses).

export class Joining {
  #startedAt;
  #answerAt = null; // of the first answer
  #named = 0; // the newest round that an answer named
  #held = -1; // the newest own ballot that somebody holds

  constructor(peer) {
    this.peer = peer;
  }

  start(seeds, fresh, now) {
    this.#startedAt = now;
    if (fresh || seeds.length === 0) this.peer.rounds.first = 0; // JOIN-1
    for (const seed of seeds) this.peer.lines.open(seed, now);
  }

  /** HELLO came. `isFirst`: the first one of that process. */
  answered({ round = 0, held = -1 }, isFirst, now) {
    const { rounds } = this.peer;
    if (rounds.voted !== null) return;
    this.#answerAt ??= now;
    this.#named = Math.max(this.#named, round);
    this.#held = Math.max(this.#held, held);
    if (rounds.first === null) return;
    const runs = rounds.phase === "JOINING" && rounds.first === 0 && isFirst && round > 0;
    if (runs || held >= rounds.first) rounds.backToJoining(); // JOIN-3
  }

  /** Decide and begin, where that is due now. */
  step(now) {
    const { peer } = this;
    const { rounds, members, timing } = peer;
    if (rounds.phase !== "JOINING") return;
    const late = this.#startedAt + timing.join_deadline <= now;
    const alone = timing.quorum > 1 && members.present().every((m) => m.first === null);
    if (rounds.first === null && (this.#mayDecide(now) || (late && !alone))) this.#decide(now);
    if (rounds.first >= timing.rounds) { // JOIN-4
      return this.#giveUp(`the swarm is beyond round ${timing.rounds}, this peer's last`);
    }
    const may = rounds.first !== null && this.#mayBegin(members, rounds.first, timing.quorum);
    if (!may && !late) return;
    if (!may && alone) return this.#giveUp("nobody was there to vote with"); // JOIN-4
    rounds.begin(rounds.first, now);
  }

  #giveUp(text) {
    this.peer.rounds.leave(); // ROUND-10
    this.peer.finish(false, text);
  }

  #mayDecide(now) {
    if (this.#answerAt === null) return false;
    const waited = this.#answerAt + this.peer.timing.patience <= now;
    return waited || this.peer.lines.allAnswered();
  }

  #decide(now) { // JOIN-2
    const { rounds, run, lines, members } = this.peer;
    const step = run.rounds_per_ballot;
    const named = Math.floor(this.#named / step) * step;
    let first = named > 0 ? named + 2 * step : 0;
    if (this.#held >= first) first = (Math.floor(this.#held / step) + 1) * step;
    rounds.first = first;
    lines.helloAll();
    if (!lines.allAnswered()) members.whoElse(now);
  }

  #mayBegin(members, first, quorum) { // JOIN-4
    const present = members.present();
    if (first === 0) return present.filter((m) => m.first !== null).length + 1 >= quorum;
    return present.some((m) => m.newest !== null && m.newest >= first);
  }

  due() {
    const { rounds, timing } = this.peer;
    if (rounds.phase !== "JOINING") return Infinity;
    const deciding = rounds.first === null && this.#answerAt !== null;
    return Math.min(
      this.#startedAt + timing.join_deadline,
      deciding ? this.#answerAt + timing.patience : Infinity,
    );
  }
}
