/**
 * What of a call to the outside is never put on record. Names are compared without case, dots, dashes and underscores,
 * so that `Company_Password`, `companyPassword` and `ns:company-password` are one name.
 *
 * Beside the names there are the values: whatever stood under a secret or personal name in the request, in a header that
 * is not kept, or in the carrier's settings, is blotted out wherever else it turns up in the request or its answer.
 */
export const BLOT = "***";

/** Credentials, and what is as good as one. */
const SECRET =
  /passw|pwd|passphrase|passcode|secret|token|authori[sz]ation|credential|cookie|signature|^sign$|^auth$|^key$|(api|app|access|secret|private|subscription|license|session|source)key|sessionid|clientid|^appid$|bizregnum|^businessnumber$|^user$|username|userid|userlogin|^login$|companyid|accesslicense|^pin$|^jwt$/;

/** Who lives where, and how to reach them; city, postal code and country stay. */
const PERSONAL =
  /email|^mail$|mailaddress|phone|mobile|cellno|^tel|telno|telefon|telnum|voiceno|voicenumber|^fax|faxno|street|addressline|addr(ess)?\d?$|addr(ess)?(line|detail|text)?\d*$|adresa|ulica|fullname|firstname|lastname|middlename|surname|givenname|familyname|^(contact|recipient|receiver|sender|shipper|consignee|customer|buyer|company|attention)(person|name|nm)?$|(person|contact|recipient|receiver|sender|shipper|consignee|customer|buyer|company|attention|consignor|payer|owner|signer|to|from)(name|nm)$|(rcvr|sen?dr?|cust)nm$|^(snper|acper)(nm|tel|adr)$|^\w{0,3}name\d?$|^line\d$|receivedby|signedby|signee|leftwith|prezime|^ime$|naziv$/;

/** Words that end like a person's, and are a thing's. */
const IMPERSONAL =
  /(service|event|status|file|product|item|goods|sku|carrier|country|city|state|province|facility|location|hub|currency|type|unit|class|host|depot|branch|office)(name|nm|desc|description)?$/;

export type Rule = "secret" | "personal";

/** Below a personal name, the parts of what it names. */
const PART_OF_IT = /^(first|last|middle|given|family|full|text|value|number|line\d*|\d+)$/;

/**
 * What to do with whatever stands under this name: an element, an attribute, a field, a parameter, a part. `above` is
 * the rule that holds for what this name stands in.
 */
export function ruleOf(name: string, above?: Rule): Rule | undefined {
  const plain = name
    .slice(name.lastIndexOf(":") + 1)
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, "");
  if (above === "secret" || SECRET.test(plain)) return "secret";
  if (above === "personal" && PART_OF_IT.test(plain)) return "personal";
  return PERSONAL.test(plain) && !IMPERSONAL.test(plain) ? "personal" : undefined;
}

/** Headers that are put on record; every other one may carry a secret. */
export const KEPT_HEADERS = new Set([
  "accept",
  "accept-language",
  "content-type",
  "idempotency-key",
  "x-idempotency-key",
  "x-customer-transaction-id",
  "transid",
  "transactionsrc",
]);

/** Shorter values are words like any other: blotting them out everywhere would blot out everything. */
export const SHORTEST_SECRET = 4;
export const SHORTEST_PERSONAL = 5;

/** Wherever it stands. */
export const EMAIL = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+/gu;
export const BEARER = /\b(bearer|basic)\s+[\w.~+/=-]+/gi;

/** Labels and pictures, as they are or in base64: only their length is put on record. */
const LABEL = /^(\^XA|%PDF-|\x89PNG|GIF8|JVBERi0|XlhB|iVBORw0|R0lGOD|Q1RGfl|N$)/;
const ENCODED = /^[A-Za-z0-9+/_=-]+$/;
const LONGEST_WORD = 400;

export function isLabel(text: string): boolean {
  if (LABEL.test(text) && text.length >= 16) return true;
  return text.length > LONGEST_WORD && ENCODED.test(text.replaceAll(/\s/g, ""));
}

/** Of each, in characters; the rest is cut off. */
export const MAX_RECORDED = 20_000;
