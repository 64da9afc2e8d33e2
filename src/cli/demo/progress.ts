export interface Counts {
  orders: number;
  settled: number;
  picks: number;
  pickedTasks: number;
  packedTasks: number;
  shippedTasks: number;
}

const LINE_MS = 2_000;
const TERMINAL_MS = 200;

/** One line that moves on a terminal; a line every two seconds elsewhere. */
export class Progress {
  readonly #read: () => Counts;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #last = "";
  #movedAt = performance.now();

  constructor(read: () => Counts) {
    this.#read = read;
    this.#timer = setInterval(() => this.#show(), process.stdout.isTTY ? TERMINAL_MS : LINE_MS);
  }

  sent(entries: number): void {
    this.#sent = entries;
  }

  /** How long nothing has moved. */
  idleMs(): number {
    this.#line();
    return performance.now() - this.#movedAt;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#show();
    if (process.stdout.isTTY) process.stdout.write("\n");
  }

  #show(): void {
    const line = this.#line();
    if (process.stdout.isTTY) process.stdout.write(`\r\u001b[2K${line}`);
    else console.log(line);
  }

  #line(): string {
    const { orders, settled, picks, pickedTasks, packedTasks, shippedTasks } = this.#read();
    const line =
      `${this.#sent} events sent, ${picks} picks, ${pickedTasks} tasks picked, ${packedTasks} packed, ` +
      `${shippedTasks} shipped, ${settled} of ${orders} orders settled`;
    if (line !== this.#last) this.#movedAt = performance.now();
    this.#last = line;
    return line;
  }
}
