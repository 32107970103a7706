// Where a peer listens, as text (ENDPOINT clauses).

import { LIMITS } from "./parameters.mjs";

const KEY = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"; // ENDPOINT-5
const TCP = new RegExp(
  `^tcp://(?:([A-Za-z0-9.-]+)|\\[([0-9A-Fa-f:.]+)\\]):([1-9][0-9]{0,4})(#${KEY})?$`,
);
const IPC = /^ipc:\/\/[!-)+-~]+$/; // 21 to 7e, but for * (2a)

/** Whether `text` is an endpoint that another peer could dial. */
export function isEndpoint(text) {
  if (typeof text !== "string" || text.length > LIMITS.endpoint) return false; // ENDPOINT-1
  if (IPC.test(text)) return true;
  const parts = TCP.exec(text);
  if (!parts || Number(parts[3]) > 65535) return false; // ENDPOINT-2
  const host = parts[1] ?? parts[2];
  return /[^0.:]/.test(host); // ENDPOINT-4
}

/** Whether who listens there speaks nothing but CURVE, which this peer does not (ENDPOINT-6). */
export function isEncrypted(endpoint) {
  return endpoint.startsWith("tcp://") && endpoint.includes("#");
}
