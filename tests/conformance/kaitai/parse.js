// Compiles a .ksy and parses frames with what came out.
//   node parse.js ../../../protocol_spec/frames.ksy
// reads a JSON array of {explicit, derived, bits, frame} on standard input and writes a JSON
// array: for each, the tree of its fields (bytes as {"hex": ...}), or {"refused": why}.
"use strict";
const fs = require("fs");
const yaml = require("js-yaml");
const { KaitaiStream } = require("kaitai-struct");
const compiler = require("kaitai-struct-compiler");

function plain(value) {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const out = {};
  for (const key of Object.keys(value)) if (!key.startsWith("_")) out[key] = plain(value[key]);
  // Instances are getters of the prototype; one without a value is undefined, and left out.
  for (const key of Object.getOwnPropertyNames(Object.getPrototypeOf(value))) {
    const getter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(value), key).get;
    if (getter && !key.startsWith("_")) out[key] = plain(value[key]);
  }
  return out;
}

async function main() {
  const source = yaml.load(fs.readFileSync(process.argv[2], "utf8"));
  const files = await compiler.compile("javascript", source, null, false);
  const loaded = {};
  const [code] = Object.values(files);
  new Function("exports", "require", code)(loaded, require);
  const { TallyFrame } = loaded.TallyFrame ? loaded : { TallyFrame: Object.values(loaded)[0] };
  const answers = JSON.parse(fs.readFileSync(0, "utf8")).map((given) => {
    try {
      const stream = new KaitaiStream(Uint8Array.from(Buffer.from(given.frame, "hex")).buffer);
      const frame = new TallyFrame(stream, null, null, given.explicit, given.derived, given.bits);
      return plain(frame);
    } catch (error) {
      return { refused: `${error.name}: ${error.message}` };
    }
  });
  process.stdout.write(JSON.stringify(answers));
}

main().catch((error) => {
  process.stderr.write(`${error && error.message ? error.message : error}\n`);
  process.exit(1);
});
