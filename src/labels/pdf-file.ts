import { deflateSync } from "node:zlib";

/** Collects a PDF's numbered objects. One byte a letter. */
export class PdfFile {
  readonly #objects: string[] = [];

  /** Gives the number by which others refer to it. */
  add(object: string): number {
    return this.#objects.push(object);
  }

  /** To be filled in later, by `set`. */
  reserve(): number {
    return this.add("null");
  }

  set(number: number, object: string): void {
    this.#objects[number - 1] = object;
  }

  addStream(text: string): number {
    const data = deflateSync(Buffer.from(text, "latin1")).toString("latin1");
    return this.add(`<< /Length ${data.length} /Filter /FlateDecode >>\nstream\n${data}\nendstream`);
  }

  /** Header, objects, the table of where each begins, trailer. The same objects give the same bytes. */
  finish(catalog: number): Uint8Array {
    let file = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
    const offsets = this.#objects.map((object, index) => {
      const offset = file.length;
      file += `${index + 1} 0 obj\n${object}\nendobj\n`;
      return offset;
    });
    const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
    const size = offsets.length + 1;
    const start = file.length;
    file += `xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root ${catalog} 0 R >>\nstartxref\n${start}\n%%EOF\n`;
    return Buffer.from(file, "latin1");
  }
}
