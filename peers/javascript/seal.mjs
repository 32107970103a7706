// Seals: Ed25519 signatures of HELLO, BYE and ballots (SEAL clauses), by node's own OpenSSL.

import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";

export const SIGNATURE = 64; // bytes
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex"); // DER around a secret seed
const SPKI = Buffer.from("302a300506032b6570032100", "hex"); // DER around a public key

/** registries/small-order.json: y of the points of small order, little-endian, top bit cleared. */
const SMALL_ORDER = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);
const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n; // L

/** The author id of an identity, both hexadecimal (NAME-2). */
export function authorOf(identity) {
  return createHash("sha256").update(identity, "hex").digest("hex").slice(0, 16);
}

/** A key pair from its secret seed of 32 bytes, hexadecimal: `identity` and `sign(text)`. */
export function keyPair(secret) {
  const der = Buffer.concat([PKCS8, Buffer.from(secret, "hex")]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    identity: spki.subarray(SPKI.length).toString("hex"),
    sign: (text) => sign(null, text, key),
  };
}

/** Whether `signature` (Buffer) is a good one of `identity` (hexadecimal) for `text` (Buffer). */
export function isGood(identity, text, signature) {
  const publicKey = Buffer.from(identity, "hex");
  if (publicKey.length !== 32 || signature.length !== SIGNATURE) return false;
  if (!isPoint(publicKey) || !isPoint(signature.subarray(0, 32))) return false;
  if (little(signature.subarray(32)) >= ORDER) return false; // SEAL-5, not left to the library
  try {
    const key = createPublicKey({
      key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki",
    });
    return verify(null, text, key, signature); // OpenSSL compares R byte for byte, SEAL-5
  } catch {
    return false; // bytes that are no point at all
  }
}

/** SEAL-6: a y in its one form, and none of the five. */
function isPoint(bytes) {
  const y = Buffer.from(bytes);
  y[31] &= 0x7f;
  return little(y) < FIELD && !SMALL_ORDER.has(y.toString("hex"));
}

function little(bytes) {
  return BigInt("0x" + Buffer.from(bytes).reverse().toString("hex"));
}

/** What is signed (SEAL-3). `frame`: without its signature. */
export const texts = {
  hello: (frame) => Buffer.concat([Buffer.from("TALLY1-SEAL-HELLO"), frame]),
  bye: (run, instance, frame) =>
    Buffer.concat([
      Buffer.from("TALLY1-SEAL-BYE"), Buffer.from(run.digest, "hex"),
      Buffer.from(instance, "hex"), frame,
    ]),
  vote: (run, round, body) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(round);
    return Buffer.concat([
      Buffer.from("TALLY1-SEAL-VOTE"), Buffer.from(run.digest, "hex"), number, body,
    ]);
  },
};
