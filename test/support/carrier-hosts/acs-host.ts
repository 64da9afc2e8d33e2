import { z } from "zod";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import { checkJson, type HostAnswer, type HostRequest, issuesOf } from "./http-messages.ts";
import { createParcelStore, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from "ACS Rest API", ACS's guide in Greek: aliases, their parameters, and its answers, which are all 200. */
export const ACS_ACCOUNT = {
  apiKey: "acs-key-0123456789",
  companyId: "demo_company",
  companyPassword: "demo_company_password",
  userId: "demo_user",
  userPassword: "demo_user_password",
  billingCode: "2ΑΘ999999",
} as const;

interface Details {
  main: string;
  /** `YYYY-MM-DD`, as it was announced. */
  pickup: string;
  printed: boolean;
  /** On a pickup list: final, and found by its reference. */
  closed: boolean;
  returned: boolean;
  standing: { status: number; reason: string };
}

export interface AcsHost extends RunningHost {
  readonly api: string;
  readonly vouchers: ParcelStore<Details>;
  /** How often an alias was asked for. */
  ran(alias: string): number;
  /** Puts everything on the day's pickup list. */
  closeDay(): void;
  /** Prints with the number beside the PDF from now on, as some accounts see it. */
  printBeside(): void;
}

export async function startAcsHost(): Promise<AcsHost> {
  const vouchers = createParcelStore<Details>();
  const ways = { beside: false };
  const running = await startHost({
    code: "acs",
    routes: [aliasRoute(vouchers, ways)],
    authorize: ({ headers }) =>
      headers["acsapikey"] === ACS_ACCOUNT.apiKey ? undefined : { status: 403, body: "Forbidden" },
    // More calls a second than it allows are not acceptable to it.
    refuse: ({ status, message }) =>
      status === 429 ? { status: 406, body: "Not Acceptable" } : { status, body: message },
  });
  return {
    ...running,
    api: `${running.url}/ACSRestServices/api`,
    vouchers,
    ran: (alias) => running.seen.filter(({ request }) => aliasOf(request) === alias).length,
    closeDay: () => vouchers.all().forEach(({ details }) => (details.closed = true)),
    printBeside: () => {
      ways.beside = true;
    },
  };
}

function aliasOf({ text }: HostRequest): string {
  return (JSON.parse(text) as { ACSAlias: string }).ACSAlias;
}

const login = {
  Company_ID: z.literal(ACS_ACCOUNT.companyId),
  Company_Password: z.literal(ACS_ACCOUNT.companyPassword),
  User_ID: z.literal(ACS_ACCOUNT.userId),
  User_Password: z.literal(ACS_ACCOUNT.userPassword),
};
const text = z.string().nullable();
const Language = z.enum(["GR", "EN"]).nullable();
const voucher = z.string().regex(/^\d{10}$/);
const INPUTS: Readonly<Record<string, z.ZodType>> = {
  ACS_Create_Voucher: z.strictObject({
    ...login,
    Pickup_Date: z.iso.date(),
    Sender: z.string().min(1),
    Recipient_Name: z.string().min(1),
    Recipient_Address: z.string().min(1),
    Recipient_Address_Number: z.union([z.string(), z.number()]),
    Recipient_Zipcode: z.union([z.string(), z.number()]),
    Recipient_Region: z.string().min(1),
    Recipient_Phone: text,
    Recipient_Cell_Phone: text,
    Recipient_Company_Name: text,
    Recipient_Country: z.enum(["GR", "CY"]),
    Recipient_Email: text,
    Billing_Code: z.string(),
    Charge_Type: z.literal([2, 4]),
    Item_Quantity: z.int().min(1),
    Weight: z.number(),
    Cod_Ammount: z.number().nullable(),
    Cod_Payment_Way: z.literal([0, 1]).nullable(),
    Acs_Delivery_Products: text,
    Delivery_Notes: text,
    Reference_Key1: text,
    Content_Type_ID: z.int().nullable(),
    Language,
  }),
  ACS_Get_Multipart_Vouchers: z.strictObject({ ...login, Main_Voucher_No: voucher, Language }),
  ACS_Print_Voucher: z.strictObject({
    ...login,
    Voucher_No: z.string().regex(/^\d{10}(,\d{10}){0,9}$/),
    Print_Type: z.literal([1, 2]),
    Start_Position: z.literal([1, 2, 3]),
  }),
  ACS_Delete_Voucher: z.strictObject({ ...login, Voucher_No: voucher, Language }),
  ACS_Issue_Pickup_List: z.strictObject({
    ...login,
    Pickup_Date: z.iso.date(),
    /** 0: everybody's vouchers, 1: those of this user. */
    MyData: z.literal([0, 1]).nullable(),
    Language,
  }),
  ACS_Print_Pickup_List: z.strictObject({
    ...login,
    Mass_Number: voucher,
    Pickup_Date: z.iso.date(),
    Language,
  }),
  ACS_POD_FROM_REFERENCE_NO: z.strictObject({
    ...login,
    reference_no: z.string().min(1),
    User_locals: z.enum(["GR", "EN"]),
  }),
  ACS_Trackingsummary: z.strictObject({ ...login, Voucher_No: voucher, Language }),
  ACS_TrackingDetails: z.strictObject({ ...login, Voucher_No: voucher, Language }),
};

type Input = Record<string, string | number | null>;
const askedSchema = z.strictObject({
  ACSAlias: z.string(),
  ACSInputParameters: z.record(z.string(), z.unknown()),
});

function aliasRoute(vouchers: ParcelStore<Details>, ways: { beside: boolean }): HostRoute {
  return {
    operation: "run",
    method: "POST",
    path: "/ACSRestServices/api/ACSAutoRest",
    check: (request) => {
      const wrong = checkJson(request, askedSchema);
      if (wrong.length > 0) return wrong;
      const { ACSAlias, ACSInputParameters } = askedSchema.parse(JSON.parse(request.text));
      const shape = INPUTS[ACSAlias];
      return shape ? issuesOf(shape, ACSInputParameters) : [`there is no alias ${ACSAlias}`];
    },
    answer: (request) => {
      const { ACSAlias, ACSInputParameters } = JSON.parse(request.text) as {
        ACSAlias: string;
        ACSInputParameters: Input;
      };
      return run(vouchers, { alias: ACSAlias, input: ACSInputParameters, ...ways });
    },
  };
}

interface Asked {
  alias: string;
  input: Input;
  beside: boolean;
}

function run(vouchers: ParcelStore<Details>, { alias, input, beside }: Asked): HostAnswer {
  if (alias === "ACS_Create_Voucher") return create(vouchers, input);
  if (alias === "ACS_Print_Voucher") return print(vouchers, String(input["Voucher_No"]).split(","), beside);
  if (alias === "ACS_Issue_Pickup_List") return issueList(vouchers, String(input["Pickup_Date"]));
  if (alias === "ACS_Print_Pickup_List") return printList(String(input["Mass_Number"]));
  if (alias === "ACS_Delete_Voucher") return remove(vouchers, String(input["Voucher_No"]));
  if (alias === "ACS_POD_FROM_REFERENCE_NO") return findFinal(vouchers, String(input["reference_no"]));
  if (alias === "ACS_Get_Multipart_Vouchers") return others(vouchers, String(input["Main_Voucher_No"]));
  const number = String(input["Voucher_No"]);
  return alias === "ACS_Trackingsummary" ? summary(vouchers, number) : details(vouchers, number);
}

function said(value: object, rows?: readonly object[], object?: unknown): HostAnswer {
  return {
    body: {
      ACSExecution_HasError: false,
      ACSExecutionErrorMessage: "",
      ACSOutputResponce: {
        ACSValueOutput: [value],
        ACSTableOutput: rows ? { Table_Data: rows } : {},
        ...(object === undefined ? {} : { ACSObjectOutput: object }),
      },
    },
  };
}

/** Business errors come with HasError false. */
function complain(message: string): HostAnswer {
  return said({ Voucher_No: null, Voucher_No_Return: null, Error_Message: message });
}

function create(vouchers: ParcelStore<Details>, input: Input): HostAnswer {
  if (Number(input["Weight"]) < 0.5) return complain("Μη αποδεκτή τιμή βάρους (0,5-999)");
  if (!/^\d{5}$/.test(String(input["Recipient_Zipcode"])))
    return complain("Μη αποδεκτός ταχ. Κωδικός ή χώρα προορισμού");
  const main = String(7_227_889_174 + vouchers.all().length * 11);
  for (let item = 0; item < Number(input["Item_Quantity"]); item++) {
    const number = item === 0 ? main : String(8_052_453_426 + vouchers.all().length * 7);
    vouchers.add({
      number,
      reference: String(input["Reference_Key1"]),
      label: Buffer.from(`%PDF-1.4\n% ${number}\n%%EOF\n`),
      scans: journey(),
      details: {
        main,
        pickup: String(input["Pickup_Date"]),
        printed: false,
        closed: false,
        returned: false,
        standing: { status: 5, reason: "" },
      },
    });
  }
  return said({ Voucher_No: ` ${main}`, Voucher_No_Return: null, Error_Message: "" });
}

function others(vouchers: ParcelStore<Details>, main: string): HostAnswer {
  const beside = vouchers.all().filter((one) => one.details.main === main && one.number !== main);
  const rows = beside.map(({ number }) => ({ MultiPart_Voucher_No: number }));
  return said({ Error_Message: null }, rows);
}

function print(vouchers: ParcelStore<Details>, numbers: readonly string[], beside: boolean): HostAnswer {
  const found = numbers.map((number) => vouchers.find(number));
  if (found.some((one) => !one)) return complain("Δεν βρέθηκε η αποστολή");
  if (found.some((one) => one?.details.closed))
    return complain("Δεν μπορεί να γίνει εκτύπωση μετά την έκδοση λίστας παραλαβής");
  for (const one of found) if (one) one.details.printed = true;
  const pdfs = found.map((one) => [String(one?.number), one?.label.toString("base64")] as const);
  if (!beside)
    return said(
      { Error_Message: "" },
      undefined,
      pdfs.map(([number, pdf]) => ({ [number]: pdf })),
    );
  return said({
    Error_Message: "",
    ACSObjectOutput: pdfs.map(([Voucber_No, PDFData]) => ({ Voucber_No, PDFData })),
  });
}

function remove(vouchers: ParcelStore<Details>, number: string): HostAnswer {
  const all = vouchers.all().filter((one) => one.details.main === number);
  if (all.every((one) => one.state === "voided")) return complain("Δεν βρέθηκε η αποστολή");
  if (all.some((one) => one.details.closed))
    return complain(
      "Δεν μπορεί να γίνει διαγραφή αποστολής ACS, όταν έχει εκτυπωθεί η λίστα παραλαβής του courier",
    );
  for (const one of all) one.state = "voided";
  return said({ Error_Message: null });
}

/** All of the day's vouchers that are on no list, or none of them while some are unprinted. */
function issueList(vouchers: ParcelStore<Details>, day: string): HostAnswer {
  const open = vouchers.all().filter((one) => one.state === "bought" && !one.details.closed);
  const today = open.filter((one) => one.details.pickup === day);
  const unprinted = today.filter((one) => !one.details.printed);
  const Unprinted_Found = unprinted.length;
  if (Unprinted_Found > 0) {
    const Error_Message = `Αδύνατη η έκδοση λίστας παραλαβής. Βρέθηκαν ${Unprinted_Found} ατύπωτες αποστολές.`;
    const rows = unprinted.map(({ number }) => ({ Unprinted_Vouchers: number }));
    return said({ PickupList_No: null, Unprinted_Found, Error_Message }, rows);
  }
  for (const { details } of today) details.closed = true;
  const PickupList_No = today.length > 0 ? String(7_227_889_830 + today.length) : null;
  return said({ PickupList_No, Unprinted_Found, Error_Message: "" }, []);
}

function printList(Mass_Voucher_No: string): HostAnswer {
  const PDFData = Buffer.from(`%PDF-1.4\n% list ${Mass_Voucher_No}\n%%EOF`).toString("base64");
  return said({ Error_Message: "", ACSObjectOutput: { Mass_Voucher_No, PDFData } });
}

function findFinal(vouchers: ParcelStore<Details>, reference: string): HostAnswer {
  const final = vouchers.under(reference).filter(({ details: { closed } }) => closed);
  return said(
    { Error_Message: null },
    final.map(({ number }) => ({ voucher_no: number, reference_key1: reference })),
  );
}

function summary(vouchers: ParcelStore<Details>, number: string): HostAnswer {
  const one = vouchers.find(number);
  if (!one || one.happened === 0) return said({ Error_Message: null }, []);
  const delivered = one.happened === one.scans.length;
  const { standing, returned } = one.details;
  return said({ Error_Message: null }, [
    {
      voucher_no: Number(number),
      acs_station_origin: "ΑΘ",
      acs_station_destination_descr: "ΛΑΜΙΑ",
      pickup_date: "2026-01-15T00:00:00",
      delivery_flag: delivered ? 1 : 0,
      returned_flag: returned ? 1 : 0,
      delivery_date: delivered ? "2026-01-16T00:00:00" : null,
      consignee: delivered ? "XXXXXXXXX" : "",
      non_delivery_reason_code: delivered ? "" : standing.reason,
      delivery_info: delivered ? "Η αποστολή παρεδόθη στον προορισμό της." : "",
      shipment_status: delivered ? 4 : standing.status,
    },
  ]);
}

function details(vouchers: ParcelStore<Details>, number: string): HostAnswer {
  const rows = vouchers.history(number).map(({ text: action, place, at }) => ({
    checkpoint_date_time: inAthens(at),
    checkpoint_action: action,
    checkpoint_location: place,
    checkpoint_notes: " ",
  }));
  return said({ Error_Message: null }, rows);
}

/** In winter, two hours ahead of UTC, with a fraction of a second. */
function inAthens(at: Date): string {
  return new Date(at.getTime() + 2 * 3_600_000).toISOString().replace("Z", "");
}

function journey(): HostScan[] {
  const at = (hours: number) => new Date(Date.UTC(2026, 0, 15, 12, 0, 0, 153) + hours * 3_600_000);
  return [
    { code: "", text: "ΠΑΡΑΛΑΒΗ ΑΠΟ ΠΕΛΑΤΗ", place: "ΑΘΗΝΑ", at: at(0) },
    { code: "", text: "ΑΝΑΧΩΡΗΣΗ ΛΑΜΙΑ", place: "HUB Π.ΡΑΛΛΗ", at: at(3) },
    { code: "", text: "ΑΦΙΞΗ ΣΕ ΚΑΤΑΣΤΗΜΑ", place: "ΛΑΜΙΑ", at: at(18) },
    { code: "", text: "ΚΑΤΑΝΟΜΗ ΣΕ COURIER", place: "ΛΑΜΙΑ", at: at(19) },
    { code: "", text: "ΠΑΡΑΔΟΣΗ", place: "ΛΑΜΙΑ", at: at(21) },
  ];
}
