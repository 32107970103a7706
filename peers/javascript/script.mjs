// A gossip script (chapter 9.3): the machine is told what happens, and when, and what it does is noted.

import { PeerMachine } from "./machine.mjs";
import { makeRun, makeTiming } from "./parameters.mjs";
import { generator } from "./random.mjs";
import { Voter } from "./voter.mjs";

/** What the peer does at each step of `input`. */
export function play(input) {
  const run = makeRun(input.run);
  const voter = new Voter(run, input.labels);
  const machine = new PeerMachine({
    run,
    timing: makeTiming(input.timing),
    secret: run.sealed ? input.self.secret : input.self.identity,
    instance: input.self.instance,
    random: generator(1),
    greases: false, // 9.3
  });
  const tallies = {};
  let send = [];

  /** Obey the effects; training and voting take no time, so they lead to more at once. */
  function obey(now) {
    for (let effects = machine.drain(); effects.length; effects = machine.drain()) {
      for (const effect of effects) {
        if (effect.do === "send") send.push([effect.endpoint, effect.frame.toString("hex")]);
        if (effect.do === "vote") machine.cast(effect.round, voter.vote(effect.round, effect.ids), now);
        if (effect.do === "learn") machine.learned(effect.round, now);
        if (effect.do === "tell" && effect.event.event === "tally") {
          tallies[effect.event.round] = effect.event.digest;
        }
      }
    }
  }

  const actions = {
    start: (step, now) =>
      machine.start({ endpoint: input.self.endpoint, seeds: step.seeds, fresh: step.fresh }, now),
    receive: (step, now) => {
      const frames = (step.frames ?? [step.frame]).map((frame) => Buffer.from(frame, "hex"));
      return machine.receive(step.link, frames, now);
    },
    lost: (step, now) => machine.lost(step.endpoint, now),
    wait: () => {},
    stop: (step, now) => machine.stop(now),
  };

  const steps = input.steps.map((step) => {
    const now = step.at / 1000;
    while (machine.due() <= now) {
      const due = machine.due();
      machine.tick(due);
      obey(due);
    }
    const outcome = actions[step.do](step, now);
    obey(now);
    const done = { ...(outcome?.verdict ? outcome : {}), send };
    send = [];
    return done;
  });
  const members = Object.fromEntries(machine.members.all().map(({ author, state }) => [author, state]));
  return { steps, tallies, members };
}
