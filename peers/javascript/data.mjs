// The examples of a peer: what `tallyp2p export` writes, or any file of the same form (README.md).

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const FILES = ["shard.json.gz", "shard.json"];

/** Examples as one flat array, `length` values each; `labels` where there are any. */
function examples(part, what, length, classes) {
  const { inputs, labels } = part ?? {};
  if (!Array.isArray(inputs)) throw new Error(`${what} has no inputs`);
  const values = new Float32Array(inputs.length * length);
  inputs.forEach((row, i) => {
    const good = Array.isArray(row) && row.length === length && row.every(Number.isFinite);
    if (!good) throw new Error(`${what} ${i} is not ${length} numbers`);
    values.set(row, i * length);
  });
  if (classes === null) return { count: inputs.length, length, values };
  const good = Array.isArray(labels) && labels.length === inputs.length &&
    labels.every((label) => Number.isInteger(label) && label >= 0 && label < classes);
  if (!good) throw new Error(`${what} needs a label from 0 to ${classes - 1} for each input`);
  return { count: inputs.length, length, values, labels: Int32Array.from(labels) };
}

/** A shard out of its JSON: `classes`, `train`, `probes`, `test` (null without one), `poolDigest`. */
export function makeShard(json) {
  const { classes } = json;
  if (!Number.isInteger(classes) || classes < 2) throw new Error("classes must be a number from 2 on");
  const length = json.probes?.inputs?.[0]?.length;
  if (!length) throw new Error("there are no probes");
  const shape = json.shape ?? [length];
  if (shape.reduce((a, b) => a * b, 1) !== length) throw new Error(`inputs are not of shape ${shape}`);
  const probes = examples(json.probes, "probes", length, null);
  const train = examples(json.train, "train", length, classes);
  if (train.count === 0) throw new Error("train has no examples");
  const test = json.test?.inputs?.length ? examples(json.test, "test", length, classes) : null;
  return { classes, train, probes, test, poolDigest: poolDigest(probes, shape) };
}

/** RUN-4, hexadecimal. */
function poolDigest({ count, values }, shape) {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeFloatLE(value, i * 4));
  return createHash("sha256").update(`TALLY1-POOL ${[count, ...shape].join(",")}\n`, "ascii")
    .update(bytes).digest("hex");
}

/** The shard in `path`: a file, or a directory that holds one. */
export async function readShard(path) {
  const file = (await isDirectory(path)) ? await first(path, FILES) : path;
  if (!file) throw new Error(`${path} holds no ${FILES[0]}`);
  const bytes = await readFile(file);
  try {
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return makeShard(JSON.parse((isPacked ? gunzipSync(bytes) : bytes).toString("utf8")));
  } catch (error) {
    throw new Error(`${file} is not a shard: ${error.message}`);
  }
}

/** Where the run descriptor beside the shard is; null without one. */
export async function runFile(path) {
  return (await isDirectory(path)) ? first(path, ["run.txt"]) : null;
}

async function isDirectory(path) {
  return (await stat(path)).isDirectory();
}

async function first(folder, names) {
  for (const name of names) {
    const file = join(folder, name);
    if (await stat(file).catch(() => null)) return file;
  }
  return null;
}
