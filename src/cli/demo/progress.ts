export interface Counts {
  received: number;
  picks: number;
  picked: number;
  packed: number;
  shipped: number;
  delivered: number;
  cancelled: number;
}

const LINE_MS = 2_000;
const TERMINAL_MS = 200;

/** One line that moves on a terminal; a line every two seconds elsewhere. Knows how long nothing has moved. */
export class Progress {
  readonly #orders: number;
  readonly #read: () => Counts;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #work = "";
  #workedAt = performance.now();
  #line = "";
  #movedAt = performance.now();

  constructor(orders: number, read: () => Counts) {
    this.#orders = orders;
    this.#read = read;
    this.#timer = setInterval(() => this.#show(), process.stdout.isTTY ? TERMINAL_MS : LINE_MS);
  }

  sent(entries: number): void {
    this.#sent = entries;
  }

  /** For how long nobody in the warehouse has done anything. */
  restMs(): number {
    this.#look();
    return performance.now() - this.#workedAt;
  }

  /** For how long nothing at all has happened. */
  idleMs(): number {
    this.#look();
    return performance.now() - this.#movedAt;
  }

  /** Nothing could happen: the service was away. */
  forgive(): void {
    this.#movedAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#show();
    if (process.stdout.isTTY) process.stdout.write("\n");
  }

  #show(): void {
    this.#look();
    if (process.stdout.isTTY) process.stdout.write(`\r\u001b[2K${this.#line}`);
    else console.log(this.#line);
  }

  #look(): void {
    const { received, picks, picked, packed, shipped, delivered, cancelled } = this.#read();
    const work =
      `${this.#sent} events sent, ${received}/${this.#orders} orders in, ${picks} picks, ` +
      `tasks: ${picked} picked, ${packed} packed, ${shipped} shipped`;
    const line = `${work}; orders: ${delivered} delivered, ${cancelled} cancelled`;
    if (work !== this.#work) this.#workedAt = performance.now();
    if (line !== this.#line) this.#movedAt = performance.now();
    this.#work = work;
    this.#line = line;
  }
}
