import { glyphOf, type OutlineStep, type Weight } from "./fonts.ts";

/** Ink from 0 to 255, row by row; it lies with its upper left corner at x, y. */
export interface Picture {
  x: number;
  y: number;
  width: number;
  height: number;
  ink: Uint8Array;
}

export interface TextRun {
  text: string;
  weight: Weight;
  /** Where its first letter begins, and where the letters stand; in dots, downwards. */
  x: number;
  y: number;
  size: number;
}

/** Straight edges of an outline, one after the other: x and y of its start and of its end. */
type Edges = number[];

/** How many straight pieces a curve is drawn as: at a printer's dots, nobody sees more. */
const PIECES = 5;

/** Text as a picture, as far as it has ink. */
export function rasterText({ text, weight, x, y, size }: TextRun): Picture | undefined {
  const scale = size / 1000;
  const edges: Edges = [];
  let pen = x;
  for (const letter of text) {
    const { outline, advance } = glyphOf(letter, weight);
    addEdges(edges, outline, (gx, gy) => [pen + gx * scale, y - gy * scale]);
    pen += advance * scale;
  }
  return edges.length === 0 ? undefined : fill(edges);
}

function addEdges(
  edges: Edges,
  outline: readonly OutlineStep[],
  place: (x: number, y: number) => [number, number],
): void {
  let [startX, startY] = [0, 0];
  let [x, y] = [0, 0];
  const lineTo = (toX: number, toY: number) => {
    edges.push(...place(x, y), ...place(toX, toY));
    [x, y] = [toX, toY];
  };
  for (const { command, args } of outline) {
    if (command === "moveTo") [startX, startY] = [x, y] = args;
    else if (command === "lineTo") lineTo(...args);
    else if (command === "closePath") lineTo(startX, startY);
    else for (const [toX, toY] of curvePoints([x, y], args)) lineTo(toX, toY);
  }
}

function curvePoints(
  [x, y]: readonly [number, number],
  [cx, cy, toX, toY]: readonly [number, number, number, number],
): [number, number][] {
  return Array.from({ length: PIECES }, (_, index) => {
    const t = (index + 1) / PIECES;
    const [a, b, c] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2];
    return [a * x + b * cx + c * toX, a * y + b * cy + c * toY];
  });
}

/** How much of each dot is inside of the outline, exactly. */
function fill(edges: Edges): Picture {
  const xs = edges.filter((_, index) => index % 2 === 0);
  const ys = edges.filter((_, index) => index % 2 === 1);
  const [left, top] = [Math.floor(lowest(xs)), Math.floor(lowest(ys))];
  const width = Math.ceil(-lowest(xs.map((x) => -x))) - left + 2;
  const height = Math.ceil(-lowest(ys.map((y) => -y))) - top + 1;
  const cover = new Float32Array(width * height);
  for (let at = 0; at < edges.length; at += 4)
    addCover(cover, width, {
      x0: (edges[at] as number) - left,
      y0: (edges[at + 1] as number) - top,
      x1: (edges[at + 2] as number) - left,
      y1: (edges[at + 3] as number) - top,
    });
  return { x: left, y: top, width, height, ink: inkOf(cover, width) };
}

function lowest(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
}

/** Each dot holds how much more of it and of all dots to its right is covered than of the dots to its left. */
function inkOf(cover: Float32Array, width: number): Uint8Array {
  const ink = new Uint8Array(cover.length);
  let sum = 0;
  for (let at = 0; at < cover.length; at++) {
    if (at % width === 0) sum = 0;
    sum += cover[at] as number;
    ink[at] = Math.min(255, Math.round(Math.abs(sum) * 255));
  }
  return ink;
}

interface Edge {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** Everything to the right of the edge is covered, with the sign of its direction: outlines that go round cancel out. */
function addCover(cover: Float32Array, width: number, { x0, y0, x1, y1 }: Edge): void {
  if (y0 === y1) return;
  const direction = y0 < y1 ? 1 : -1;
  const [topX, topY, bottomX, bottomY] = y0 < y1 ? [x0, y0, x1, y1] : [x1, y1, x0, y0];
  const slope = (bottomX - topX) / (bottomY - topY);
  for (let row = Math.floor(topY); row < bottomY; row++) {
    const from = Math.max(row, topY);
    const to = Math.min(row + 1, bottomY);
    const [xFrom, xTo] = [topX + (from - topY) * slope, topX + (to - topY) * slope];
    const [left, right] = xFrom < xTo ? [xFrom, xTo] : [xTo, xFrom];
    coverRow(cover, row * width, { left, right, amount: (to - from) * direction });
  }
}

/** One row's part of an edge, from left to right: `amount` is spread over the dots that it crosses. */
function coverRow(
  cover: Float32Array,
  start: number,
  { left, right, amount }: { left: number; right: number; amount: number },
): void {
  const first = Math.floor(left);
  const last = Math.floor(right);
  let before = 0;
  for (let dot = first; dot <= last; dot++) {
    const covered = rightOf(dot + 1, left, right) - rightOf(dot, left, right);
    const at = start + dot;
    cover[at] = (cover[at] as number) + amount * (covered - before);
    before = covered;
  }
  cover[start + last + 1] = (cover[start + last + 1] as number) + amount * (1 - before);
}

/** How wide the strip is that lies to the right of the edge and to the left of x: on an average over the row. */
function rightOf(x: number, left: number, right: number): number {
  if (x <= left) return 0;
  return x >= right ? x - (left + right) / 2 : (x - left) ** 2 / (2 * (right - left));
}
