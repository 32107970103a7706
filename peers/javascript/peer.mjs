#!/usr/bin/env node
// The command line of the peer; `node peer.mjs --help` explains it.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { conform } from "./conform.mjs";
import { isEncrypted, isEndpoint } from "./endpoints.mjs";

const HELP = `A peer of the tally protocol.

  node peer.mjs conform            answer vectors: JSON lines in, JSON lines out
  node peer.mjs run --listen ENDPOINT [options]

  --listen tcp://127.0.0.1:*       where it is reached; * is any free port
  --seed ENDPOINT                  a peer to join at; may be repeated
  --data DIR                       run.txt and shard.json.gz: train on them, and learn from the tally
  --run FILE                       the run descriptor; without it and --data the first seed is asked
  --labels FILE                    instead of learning: a JSON array, one label for each probe id
  --rounds N, --quorum N           as in the protocol's table of timing; defaults 560 and 2
  --timing '{"patience":0.5}'      any other of that table
  --identity HEX                   32 bytes; in a sealed run the secret key (default: random)
  --fresh                          first round 0 at once: all peers of a swarm start now
`;

const OPTIONS = {
  listen: { type: "string" }, seed: { type: "string", multiple: true, default: [] },
  data: { type: "string" }, run: { type: "string" }, labels: { type: "string" },
  rounds: { type: "string" }, quorum: { type: "string" }, timing: { type: "string" },
  identity: { type: "string" }, fresh: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
};

const SPARE = 16; // lines that may be on their way out while others are opened
const NEWS = 50; // lines a second on standard error: who comes and goes is strangers' doing

/** A mistake in the command line: exit code 2. */
class Usage extends Error {}

/** One line of JSON, in which no text of a stranger's can steer a terminal. */
const say = (event) => {
  const escaped = (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0");
  process.stdout.write(JSON.stringify(event).replace(/[\u007f-\u009f]/g, escaped) + "\n");
};

function parse() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new Usage(error.message.split(". ")[0]);
  }
}

/** The options of `run`, checked as far as they can be without the network. */
function understood(values) {
  const number = (name) => {
    if (values[name] === undefined) return {};
    if (!/^[1-9][0-9]{0,9}$/.test(values[name])) throw new Usage(`--${name} must be a number from 1 on`);
    return { [name]: Number(values[name]) };
  };
  let timing;
  try {
    timing = { ...JSON.parse(values.timing ?? "{}"), ...number("rounds"), ...number("quorum") };
  } catch (error) {
    throw error instanceof Usage ? error : new Usage("--timing must be a JSON object");
  }
  const { listen, seed, identity } = values;
  if (!listen) throw new Usage("run needs --listen, such as --listen tcp://127.0.0.1:*");
  if (!isEndpoint(listen.replace(/:\*$/, ":1"))) throw new Usage(`nobody could dial ${listen} (--listen)`);
  const wrong = seed.find((one) => !isEndpoint(one));
  if (wrong) throw new Usage(`${wrong} is not an endpoint (--seed)`);
  const secret = [listen, ...seed].find(isEncrypted);
  if (secret) throw new Usage(`${secret} names a key: this peer does not encrypt, and cannot talk to who does`);
  if (identity !== undefined && !/^[0-9a-f]{64}$/i.test(identity)) {
    throw new Usage("--identity must be 64 hexadecimal digits");
  }
  if (values.data && values.labels) throw new Usage("--data learns and --labels does not: give one of them");
  if (!values.run && !values.data && !seed.length) {
    throw new Usage("which run? give --run, --data, or a --seed to ask");
  }
  return { ...values, timing, secret: (identity ?? randomBytes(32).toString("hex")).toLowerCase() };
}

async function run(values) {
  const chosen = understood(values);
  const { listen, Node, roomForLines } = await import("./node.mjs"); // zeromq is loaded only where it is needed
  const { makeTiming, readDescriptor } = await import("./parameters.mjs");
  const { PeerMachine } = await import("./machine.mjs");
  const { generator } = await import("./random.mjs");

  let node = null;
  let stopped = false;
  const stop = () => {
    stopped = true;
    if (!node) process.exit(0); // nobody knows this peer yet
    node.stop();
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
  process.stdout.on("error", stop); // nobody listens any more

  const timing = attempt("--timing", () => makeTiming(chosen.timing));
  const data = chosen.data && (await import("./data.mjs"));
  const shard = data && (await data.readShard(chosen.data));
  const file = chosen.run ?? (data && (await data.runFile(chosen.data)));
  let agreed = file && attempt(file, await readDescriptorOf(file, readDescriptor));
  const router = await listen(chosen.listen);
  const endpoint = router.lastEndpoint;
  if (!agreed) {
    const { askRun } = await import("./strangers.mjs");
    agreed = await askRun(chosen.seed[0], router, endpoint, timing.join_deadline);
  }
  const contributor = await contributorOf(chosen, agreed, shard, timing);
  const machine = new PeerMachine({
    run: agreed, timing, secret: chosen.secret, instance: randomBytes(8).toString("hex"),
    random: generator(randomBytes(4).readUInt32BE()), lines: roomForLines() - SPARE,
  });
  node = new Node(machine, router, contributor, tellTo(say));
  say({ event: "listening", endpoint, author: machine.me.author, run: agreed.id });
  const finish = await node.run({ endpoint, seeds: chosen.seed, fresh: chosen.fresh });
  if (finish.error) throw finish.error;
  contributor.farewell?.();
  const { sent, received } = node;
  say({ event: "finished", completed: finish.completed, rounds: machine.rounds.made, sent, received });
  if (finish.completed || stopped) return 0;
  process.stderr.write(`this peer stopped: ${finish.text}\n`);
  return 1;
}

async function readDescriptorOf(file, read) {
  const text = await readFile(file, "latin1");
  return () => read(text);
}

function attempt(what, work) {
  try {
    return work();
  } catch (error) {
    throw new Usage(`${what}: ${error.message}`);
  }
}

/** Who votes: a learner with data, else a fixed opinion. */
async function contributorOf(chosen, agreed, shard, timing) {
  if (shard) {
    const { Learner } = await import("./learner.mjs");
    return attempt("--data", () => new Learner({ run: agreed, shard, rounds: timing.rounds, tell: say }));
  }
  const { Voter } = await import("./voter.mjs");
  const text = chosen.labels && (await readFile(chosen.labels, "utf8"));
  return attempt("--labels", () => new Voter(agreed, text ? JSON.parse(text) : null));
}

/** What the machine tells, as lines; news of members are for people alone. */
function tellTo(write) {
  let [second, told] = [0, 0];
  const mention = (text) => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, told] = [now, 0];
    if (++told <= NEWS) process.stderr.write(text + "\n");
  };
  return (event) => {
    if (event.event === "member") mention(`peer ${event.author} is ${event.state}`);
    else if (event.event === "fault") mention(event.text);
    else write(event);
  };
}

async function main() {
  const { values, positionals: [command] } = parse();
  if (values.help || !command) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  if (command === "conform") return conform();
  if (command === "run") return run(values);
  throw new Usage(`there is no command ${command}`);
}

try {
  process.exitCode = (await main()) ?? 0;
} catch (error) {
  const missing = error.code === "ERR_MODULE_NOT_FOUND";
  process.stderr.write(missing ? "zeromq is missing: npm ci in peers/javascript\n" : `${error.message}\n`);
  process.exitCode = error instanceof Usage ? 2 : 1;
}
