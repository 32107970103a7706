// Why a message is not accepted (chapter 6), and the error that carries it.

export const REASONS = {
  VERSION: [10, "ignore"],
  MALFORMED: [11, "reject"],
  TYPE: [12, "ignore"],
  RUN: [13, "ignore"],
  EARLY: [14, "ignore"],
  AUTHOR: [20, "reject"],
  SEAL: [21, "reject"],
  LENGTH: [30, "reject"],
  MAP: [31, "reject"],
  PADDING: [32, "reject"],
  LABEL: [33, "reject"],
  IDS: [34, "reject"],
  ROUND: [35, "ignore"],
  EQUIVOCATION: [36, "reject"],
  LIMIT: [40, "reject"],
  INTERNAL: [50, "ignore"],
};

/** What a stranger sent was not accepted. Everything that reads bytes throws this, and only this. */
export class Refusal extends Error {
  /** `about`: what could still be read, for an answer (VERSION-2, CONTACT-3). */
  constructor(reason, text, about = {}) {
    super(text);
    this.reason = reason;
    [this.code, this.verdict] = REASONS[reason];
    this.about = about;
  }
}

/** Throw a refusal unless `good`. */
export function require(good, reason, text, about) {
  if (!good) throw new Refusal(reason, text, about);
}
