/** How long answers took, per RPC, in ms. */
export class Latencies {
  readonly #samples = new Map<string, number[]>();

  add(rpc: string, ms: number): void {
    const samples = this.#samples.get(rpc);
    if (samples) samples.push(ms);
    else this.#samples.set(rpc, [ms]);
  }

  count(rpc: string): number {
    return this.#samples.get(rpc)?.length ?? 0;
  }

  /** Most called first. */
  table(): { rpc: string; count: number; p50: number; p99: number }[] {
    return [...this.#samples]
      .map(([rpc, samples]) => {
        const sorted = samples.toSorted((a, b) => a - b);
        return { rpc, count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
      })
      .sort((a, b) => b.count - a.count);
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
