// The maths of the learner: gradients by finite differences, and what the optimiser does.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Adam, Features, Softmax, medianDistance } from "../model.mjs";
import { generator } from "../random.mjs";

const CLASSES = 4;

/** A small model with random weights, and features of random inputs. */
function small(seed) {
  const random = generator(seed);
  const inputs = { count: 6, length: 5, values: Float32Array.from({ length: 30 }, random) };
  const features = new Features(5, 8, 0.7, random).of(inputs);
  const softmax = new Softmax(CLASSES, features.size);
  softmax.weights.forEach((_, i) => (softmax.weights[i] = 2 * random() - 1));
  return { random, features, softmax };
}

const oneHot = (label) => Float64Array.from({ length: CLASSES }, (_, c) => Number(c === label));

/** The gradient of `weight` times the loss by central differences. */
function numerical(softmax, loss, weight) {
  const h = 1e-5;
  return softmax.weights.map((value, i) => {
    softmax.weights[i] = value + h;
    const above = loss();
    softmax.weights[i] = value - h;
    const below = loss();
    softmax.weights[i] = value;
    return (weight * (above - below)) / (2 * h);
  });
}

function assertClose(a, b) {
  const furthest = Math.max(...a.map((value, i) => Math.abs(value - b[i])));
  assert.ok(furthest < 1e-7, `differ by ${furthest}`);
}

const CASES = {
  "labels": [oneHot(0), oneHot(3), oneHot(1)],
  "histograms": [[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0, 0, 1, 0]],
  "a probe without voters among others": [[0.5, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]],
};

for (const [name, rows] of Object.entries(CASES)) {
  test(`the gradient is that of the loss: ${name}`, () => {
    const { features, softmax } = small(1);
    const index = [4, 0, 2];
    const target = (k) => rows[k];
    const gradient = new Float64Array(softmax.weights.length);
    softmax.loss(features, index, target, 3, gradient);
    const none = new Float64Array(gradient.length);
    assertClose(gradient, numerical(softmax, () => softmax.loss(features, index, target, 0, none), 3));
  });
}

test("two terms add up", () => {
  const { features, softmax } = small(2);
  const sum = new Float64Array(softmax.weights.length);
  softmax.loss(features, [0, 1], () => oneHot(2), 1, sum);
  softmax.loss(features, [3], () => [0.5, 0.5, 0, 0], 3, sum);
  const scratch = new Float64Array(sum.length);
  const both = () =>
    softmax.loss(features, [0, 1], () => oneHot(2), 0, scratch) +
    3 * softmax.loss(features, [3], () => [0.5, 0.5, 0, 0], 0, scratch);
  assertClose(sum, numerical(softmax, both, 1));
});

test("a lesson in which nobody voted changes nothing", () => {
  const { features, softmax } = small(3);
  const gradient = new Float64Array(softmax.weights.length);
  assert.equal(softmax.loss(features, [0, 1], () => new Float64Array(CLASSES), 3, gradient), 0);
  assert.ok(gradient.every((value) => value === 0));
});

test("the divergence from what the model says itself is 0, and so is its gradient", () => {
  const { features, softmax } = small(4);
  const own = (k) => softmax.probabilities(features, k, new Float64Array(CLASSES));
  const gradient = new Float64Array(softmax.weights.length);
  assert.ok(Math.abs(softmax.loss(features, [0, 1, 2], own, 1, gradient)) < 1e-12);
  assert.ok(gradient.every((value) => Math.abs(value) < 1e-12));
});

test("probabilities stay finite for weights of any size", () => {
  const { features, softmax } = small(5);
  softmax.weights.forEach((value, i) => (softmax.weights[i] = value * 1e6));
  const share = softmax.probabilities(features, 0, new Float64Array(CLASSES));
  assert.ok(Math.abs(share.reduce((a, b) => a + b, 0) - 1) < 1e-12);
});

test("a first step of Adam goes by the rate against each slope", () => {
  const weights = Float64Array.of(1, -2, 3);
  new Adam(weights, 0.1, 0).step(Float64Array.of(5, -0.01, 0));
  [0.9, -1.9, 3].forEach((value, i) => assert.ok(Math.abs(weights[i] - value) < 1e-5));
});

test("weight decay does not pass through the moments", () => {
  const weights = Float64Array.of(2);
  new Adam(weights, 0.1, 0.5).step(Float64Array.of(0));
  assert.ok(Math.abs(weights[0] - 1.9) < 1e-12);
});

test("the product of two rows of features is nearly the kernel of their inputs", () => {
  const random = generator(6);
  const inputs = { count: 2, length: 3, values: Float32Array.of(0.1, 0.2, 0.3, 0.6, 0.1, 0.2) };
  const { rows, size } = new Features(3, 20_000, 0.8, random).of(inputs);
  let product = 0;
  for (let j = 0; j < size - 1; j++) product += rows[j] * rows[size + j];
  const distance2 = 0.5 ** 2 + 0.1 ** 2 + 0.1 ** 2;
  assert.ok(Math.abs(product - Math.exp(-distance2 / (2 * 0.8 ** 2))) < 0.02);
});

test("the median distance is that of the data, and never 0", () => {
  const line = { count: 2, length: 1, values: Float32Array.of(0, 4) };
  assert.ok([1, 4].includes(medianDistance(line, generator(7))));
  const same = { count: 2, length: 1, values: Float32Array.of(3, 3) };
  assert.equal(medianDistance(same, generator(8)), 1);
});
