import type { Transaction } from "./transaction.ts";

/** A law of the house as a question to the data: what breaks it, and how much was looked at. */
export type Law = LawInSql | LawInCode;

interface LawHeading {
  /** Its number among the laws of the domain; several questions may be of one law. */
  number: number;
  /** Stable: callers ask for it by this name. */
  name: string;
  description: string;
}

export interface LawInSql extends LawHeading {
  /** Rows looked at: one number. */
  checked: string;
  /** A row a violation, as `violation` text. */
  violations: string;
}

/** For what only the domain's own functions can judge. */
export interface LawInCode extends LawHeading {
  judge(trx: Transaction): Promise<{ checked: bigint; violations: string[] }>;
}
