// The classifier: random Fourier features and a softmax on top (Rahimi and Recht, 2007).
//
// f(x) = softmax(W [cos(R x + b), 1]). R and b are drawn once and stay; only W is trained. So it is
// a kernel method: far from what it was trained on it says nothing much, and a peer that has not seen
// a class does not vote for another one with confidence. The loss is convex in W.

/** Fixed features of inputs: `count` cosines and a constant. */
export class Features {
  /** `width`: the distance over which the kernel falls off. */
  constructor(length, count, width, random) {
    this.length = length;
    this.size = count + 1;
    this.projection = Float64Array.from({ length: count * length }, () => normal(random) / width);
    this.phases = Float64Array.from({ length: count }, () => 2 * Math.PI * random());
    this.scale = Math.sqrt(2 / count); // so that a row of features has length 1
  }

  /** Features of `count` inputs that lie flat in `values`, one row of `size` each. */
  of({ count, values }) {
    const { length, size, projection, phases, scale } = this;
    const rows = new Float32Array(count * size);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < size - 1; j++) {
        let sum = phases[j];
        for (let k = 0; k < length; k++) sum += projection[j * length + k] * values[i * length + k];
        rows[i * size + j] = scale * Math.cos(sum);
      }
      rows[i * size + size - 1] = 1;
    }
    return { count, size, rows };
  }
}

function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The median distance between `pairs` random pairs of inputs: the scale of the data. */
export function medianDistance({ count, length, values }, random, pairs = 500) {
  const distances = Array.from({ length: pairs }, () => {
    const a = Math.floor(random() * count) * length;
    const b = Math.floor(random() * count) * length;
    let sum = 0;
    for (let k = 0; k < length; k++) sum += (values[a + k] - values[b + k]) ** 2;
    return Math.sqrt(sum);
  });
  return distances.sort((a, b) => a - b)[pairs >> 1] || 1;
}

/** Softmax regression on rows of features. */
export class Softmax {
  constructor(classes, size) {
    this.classes = classes;
    this.size = size;
    this.weights = new Float64Array(classes * size);
  }

  /** Probabilities of row `i` of `features`, written into `into` (length C). */
  probabilities(features, i, into) {
    const { classes, size, weights } = this;
    const { rows } = features;
    let highest = -Infinity;
    for (let c = 0; c < classes; c++) {
      let sum = 0;
      for (let j = 0, w = c * size, r = i * size; j < size; j++) sum += weights[w + j] * rows[r + j];
      into[c] = sum;
      if (sum > highest) highest = sum;
    }
    let total = 0;
    for (let c = 0; c < classes; c++) total += into[c] = Math.exp(into[c] - highest);
    for (let c = 0; c < classes; c++) into[c] /= total;
    return into;
  }

  /** Mean over `index` of the loss towards `target(k)`, a row of C numbers that may sum up to less than
   * 1: KL(target || model), which for a label is the cross-entropy. Adds `weight` times its gradient
   * to `gradient`. Rows whose target is all zero drop out (TALLY-4); 0 when all do. */
  loss(features, index, target, weight, gradient) {
    const { classes, size } = this;
    const share = new Float64Array(classes);
    const targets = index.map((_, k) => target(k));
    const mass = Math.max(1, targets.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0));
    let loss = 0;
    index.forEach((i, k) => {
      const wanted = targets[k];
      const total = wanted.reduce((a, b) => a + b, 0);
      if (total === 0) return;
      this.probabilities(features, i, share);
      for (let c = 0; c < classes; c++) {
        if (wanted[c] > 0) loss += wanted[c] * Math.log(wanted[c] / Math.max(share[c], 1e-300));
        const slope = (weight * (total * share[c] - wanted[c])) / mass;
        for (let j = 0, w = c * size, r = i * size; j < size; j++) {
          gradient[w + j] += slope * features.rows[r + j];
        }
      }
    });
    return loss / mass;
  }
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101). */
export class Adam {
  #steps = 0;

  constructor(weights, rate, decay) {
    Object.assign(this, { weights, rate, decay });
    this.first = new Float64Array(weights.length);
    this.second = new Float64Array(weights.length);
  }

  step(gradient) {
    const { weights, rate, decay, first, second } = this;
    this.#steps++;
    const bias1 = 1 - 0.9 ** this.#steps;
    const bias2 = 1 - 0.999 ** this.#steps;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i];
      first[i] = 0.9 * first[i] + 0.1 * g;
      second[i] = 0.999 * second[i] + 0.001 * g * g;
      const move = first[i] / bias1 / (Math.sqrt(second[i] / bias2) + 1e-8);
      weights[i] -= rate * (decay * weights[i] + move);
    }
  }
}
