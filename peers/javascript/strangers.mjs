// What run is this? Asked of an endpoint before one takes part (RUN clauses, CONTACT-3).

import { randomBytes } from "node:crypto";

import { Codec } from "./codec.mjs";
import { Line } from "./node.mjs";
import { makeRun, readDescriptor } from "./parameters.mjs";
import { Refusal } from "./reasons.mjs";

const AGAIN = 1300; // ms: whoever is asked sends one ERROR a second at most (VERDICT-4)

/** The run at `seed`, whose ERROR comes back to `router`, which listens at `endpoint`. */
export async function askRun(seed, router, endpoint, seconds) {
  const nowhere = "00".repeat(32); // a digest that no run has
  const codec = new Codec(makeRun());
  const line = new Line(seed, () => {});
  const ask = () => line.send(codec.encode({
    kind: "HELLO", agent: "tally-javascript/0.1", endpoint,
    identity: randomBytes(32).toString("hex"), instance: randomBytes(8).toString("hex"),
    known: 1, met: false, run: nowhere, versions: [1, 1],
  }));
  const timer = setInterval(ask, AGAIN);
  const end = Date.now() + seconds * 1000;
  try {
    ask();
    while (Date.now() < end) {
      router.receiveTimeout = Math.max(1, end - Date.now());
      const [, ...frames] = await router.receive();
      const run = readError(codec, frames);
      if (run) return run;
    }
  } catch (error) {
    if (error.code !== "EAGAIN") throw error;
  } finally {
    router.receiveTimeout = -1;
    clearInterval(timer);
    line.close();
  }
  throw new Error(`nobody at ${seed} has said which run it is: give it with --run`);
}

function readError(codec, frames) {
  try {
    const message = codec.decode(frames, null);
    return message.kind === "ERROR" && message.code === 13 ? readDescriptor(message.text) : null;
  } catch (error) {
    // Anybody may send anything. A descriptor that cannot be read is no answer either (RUN-6).
    if (error instanceof Refusal || error.name === "Error") return null;
    throw error;
  }
}
