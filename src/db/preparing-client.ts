import pg from "pg";

const HOT = /^\s*\/\* hot: (\w+) \*\//;

type Query = (...parameters: unknown[]) => unknown;

/**
 * Prepares the statements that begin with a hot: name comment once a connection instead of planning them each time:
 * for a join of five tables the plan costs as much as the work. Such a statement names its columns, since one whose result type
 * a migration changes is refused by connections that have prepared it; and one name has one text.
 */
export class PreparingClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    const query = this.query.bind(this) as Query;
    const prepare: Query = (text, values, ...rest) => {
      const name = typeof text === "string" ? HOT.exec(text)?.[1] : undefined;
      return name === undefined ? query(text, values, ...rest) : query({ name, text, values }, ...rest);
    };
    this.query = prepare as typeof this.query;
  }
}
