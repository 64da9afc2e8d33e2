import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { inflateSync } from "node:zlib";
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";

/** What came out of a printer: grey dots, 0 is black. */
export class Paper {
  readonly width: number;
  readonly height: number;
  readonly dots: Uint8Array;

  constructor(width: number, height: number, dots = new Uint8Array(width * height).fill(255)) {
    this.width = width;
    this.height = height;
    this.dots = dots;
  }

  fill(x: number, y: number, width: number, height: number): void {
    for (let row = y; row < y + height; row++)
      for (let column = x; column < x + width; column++) this.blacken(column, row);
  }

  blacken(x: number, y: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height)
      throw new Error(`a dot at ${x}, ${y} lies outside of the sheet of ${this.width} × ${this.height}`);
    this.dots[y * this.width + x] = 0;
  }

  isBlack(x: number, y: number): boolean {
    return (this.dots[y * this.width + x] ?? 255) < 128;
  }
}

/** A PNG as we write it: 8-bit grey, one filter byte a row, no filter. */
export function readPng(bytes: Uint8Array): Paper {
  const png = Buffer.from(bytes);
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const at = png.indexOf("IDAT");
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  const dots = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    dots.set(rows.subarray(y * (width + 1) + 1, (y + 1) * (width + 1)), y * width);
  return new Paper(width, height, dots);
}

const require = createRequire(import.meta.url);
prepareZXingModule({
  overrides: { wasmBinary: readFileSync(require.resolve("zxing-wasm/reader/zxing_reader.wasm")).buffer },
});

/** What a barcode reader finds, such as `]C1 (00)395012345600000015`: `]C0` is Code 128, `]C1` GS1-128, `]Q1` QR. */
export async function scan({ width, height, dots }: Paper): Promise<string[]> {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  dots.forEach((dot, index) => data.fill(dot, index * 4, index * 4 + 3));
  const image = { width, height, data, colorSpace: "srgb" as const };
  const found = await readBarcodes(image as never, { formats: ["Code128", "QRCode"], tryHarder: true });
  return found.map(({ symbologyIdentifier, text }) => `${symbologyIdentifier} ${text}`).sort();
}
