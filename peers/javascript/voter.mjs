// A peer with a fixed opinion: for every probe id the label that it votes. It learns nothing.

export class Voter {
  /** `labels`: by probe id; without, each id mod C. */
  constructor(run, labels = null) {
    if (labels) check(run, labels);
    this.run = run;
    this.label = labels ? (id) => labels[id] : (id) => id % run.classes;
  }

  /** Labels for a ballot; `ids`: the derived ones in draw order, or null where this peer chooses. */
  vote(round, ids) {
    const { run } = this;
    const chosen = ids ?? Array.from({ length: run.votes }, (_, i) => (round + i) % run.pool); // 9.3
    if (!ids) chosen.sort((a, b) => a - b);
    return { labels: chosen.map(this.label), ids: ids ? null : chosen };
  }

  learn() {}
}

function check(run, labels) {
  const good = Array.isArray(labels) && labels.length === run.pool &&
    labels.every((label) => Number.isInteger(label) && label >= 0 && label <= run.highest);
  if (!good) throw new Error(`labels must be ${run.pool} numbers from 0 to ${run.highest}`);
}
