import { z } from "zod";
import { type HostRoute, type RunningHost, startHost } from "./host.ts";
import { checkJson, type HostAnswer, type HostRequest, issuesOf } from "./http-messages.ts";
import { createParcelStore, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from what partners publish of Pošta Srbije's WSP: transactions 73 and 63, JSON within JSON, always 200. */
export const POST_EXPRESS_ACCOUNT = {
  username: "b2b@proba.test",
  password: "lozinka-0123",
  partnerId: 10_109,
} as const;

export interface PostExpressHost extends RunningHost {
  readonly api: string;
  readonly parcels: ParcelStore;
  /** The identities of the transactions of a kind, in order. */
  transactions(kind: number): string[];
}

export async function startPostExpressHost(): Promise<PostExpressHost> {
  const parcels = createParcelStore();
  const running = await startHost({
    code: "post_express",
    routes: [transactionRoute(parcels)],
    authorize: () => undefined, // the login is part of every transaction
    refuse: ({ status, message }) => ({ status, body: message }),
  });
  return {
    ...running,
    api: `${running.url}/WspWebApi`,
    parcels,
    transactions: (kind) =>
      running.seen
        .map(({ request }) => outerSchema.parse(JSON.parse(request.text)))
        .filter((one) => one.IdVrstaTranskacije === kind)
        .map((one) => one.IdTransakcija),
  };
}

const outerSchema = z.strictObject({
  StrKlijent: z.string(),
  Servis: z.literal(101),
  IdVrstaTranskacije: z.literal([73, 63]),
  TipSerijalizacije: z.literal(2),
  IdTransakcija: z.guid(),
  StrIn: z.string(),
});
const clientSchema = z.strictObject({
  Username: z.string(),
  Password: z.string(),
  Jezik: z.enum(["SRB", "LAT", "ENG"]),
  IdTipUredjaja: z.literal("2"),
  IdPartnera: z.literal(POST_EXPRESS_ACCOUNT.partnerId),
});

const text = z.string();
const partySchema = z.object({
  Naziv: text.min(1),
  Adresa: z.object({
    OznakaZemlje: z.literal("RS"),
    Naselje: text.min(1),
    Ulica: text.min(1),
    Broj: text.min(1),
    PostBroj: text.regex(/^\d{5}$/),
  }),
  Telefon: text.optional(),
});
const manifestSchema = z.object({
  ExtIdManifest: text.min(1),
  IdTipPosiljke: z.literal([1, 2]),
  DatumPrijema: z.iso.date(),
  Porudzbine: z
    .array(
      z.object({
        ExtIdPorudzbina: text.min(1),
        Posiljke: z
          .array(
            z.object({
              Rbr: z.int().positive(),
              ExtReferenca: text.min(1),
              ExtBrend: text.min(1),
              ExtMagacin: text.min(1),
              ImaPrijemniBrojDN: z.enum(["D", "N"]),
              NacinPrijema: z.enum(["K", "O"]),
              IdRukovanje: z.literal([29, 30, 55, 58, 59, 71, 85]),
              NacinPlacanja: z.enum(["POF", "N", "K"]),
              Posiljalac: partySchema,
              MestoPreuzimanja: partySchema.optional(),
              Primalac: partySchema,
              Masa: z.int().positive(),
              PosebneUsluge: text.regex(/^[A-Z,]*$/).optional(),
              Sadrzaj: text.optional(),
            }),
          )
          .min(1),
      }),
    )
    .min(1),
});
const movementSchema = z.strictObject({
  VrstaUsluge: z.literal(1),
  EksterniBroj: text,
  PrijemniBroj: text,
});

function transactionRoute(parcels: ParcelStore): HostRoute {
  return {
    operation: "transact",
    method: "POST",
    path: "/WspWebApi/transakcija",
    check: (request) => {
      const wrong = checkJson(request, outerSchema);
      if (wrong.length > 0) return wrong;
      const { StrKlijent, StrIn, IdVrstaTranskacije } = outerSchema.parse(JSON.parse(request.text));
      const inner = IdVrstaTranskacije === 73 ? manifestSchema : movementSchema;
      return [...issuesOf(clientSchema, JSON.parse(StrKlijent)), ...issuesOf(inner, JSON.parse(StrIn))];
    },
    answer: (request) => transact(parcels, request),
  };
}

function transact(parcels: ParcelStore, { text: body }: HostRequest): HostAnswer {
  const { StrKlijent, StrIn, IdVrstaTranskacije } = outerSchema.parse(JSON.parse(body));
  const { Username, Password } = clientSchema.parse(JSON.parse(StrKlijent));
  if (Username !== POST_EXPRESS_ACCOUNT.username || Password !== POST_EXPRESS_ACCOUNT.password)
    return complain(3, "Pogrešno korisničko ime ili lozinka.");
  if (IdVrstaTranskacije === 73) return announce(parcels, manifestSchema.parse(JSON.parse(StrIn)));
  return movements(parcels, movementSchema.parse(JSON.parse(StrIn)).PrijemniBroj);
}

export function complain(Rezultat: number, Poruka: string): HostAnswer {
  const StrRezultat = JSON.stringify({ Poruka, PorukaKorisnik: Poruka, Info: null });
  return { body: { Rezultat, StrOut: null, StrRezultat } };
}

export function give(out: unknown): HostAnswer {
  return { body: { Rezultat: 0, StrOut: JSON.stringify(out), StrRezultat: null } };
}

function announce(parcels: ParcelStore, manifest: z.output<typeof manifestSchema>): HostAnswer {
  const [order] = manifest.Porudzbine;
  const wrong = order?.Posiljke.filter((one) => one.Primalac.Adresa.PostBroj === "99999") ?? [];
  if (wrong.length > 0)
    return give({
      Rezultat: 1,
      Poruka: "Manifest nije ispravan",
      ExtIdManifest: manifest.ExtIdManifest,
      IdManifesta: 0,
      Porudzbine: [],
      GreskeValidacije: wrong.map(() => ({
        Polje: "PostBroj",
        Vrednost: "99999",
        Poruka: "Nepostojeći poštanski broj",
      })),
    });
  const Posiljke = (order?.Posiljke ?? []).map(({ Rbr, ExtReferenca }) => {
    const number = receptionNumber(parcels.all().length);
    parcels.add({
      number,
      reference: manifest.ExtIdManifest,
      label: Buffer.alloc(0),
      scans: journey(),
      details: ExtReferenca,
    });
    return { Rbr, ExtReferenca, IdPosiljke: 1, PrijemniBroj: number, Rezultat: 0, Postarina: 41_500 };
  });
  return give({
    Rezultat: 0,
    Poruka: "",
    IdManifesta: 121_392,
    ExtIdManifest: manifest.ExtIdManifest,
    Porudzbine: [{ ExtIdPorudzbina: order?.ExtIdPorudzbina, Posiljke }],
    GreskeValidacije: [],
  });
}

/** As the UPU numbers parcels: eight digits and a check digit. */
function receptionNumber(count: number): string {
  const digits = String(70_000_000 + count);
  const weights = [8, 6, 4, 2, 3, 5, 9, 7];
  const sum = weights.reduce((total, weight, index) => total + weight * Number(digits[index]), 0);
  const check = 11 - (sum % 11);
  return `PJ${digits}${check === 10 ? 0 : check === 11 ? 5 : check}RS`;
}

function movements(parcels: ParcelStore, number: string): HostAnswer {
  const history = parcels.find(number) ? parcels.history(number) : [];
  if (history.length === 0) return complain(1, "Pošiljka nije pronađena. Proverite ispravnost unetog broja.");
  return give({
    OtkupniDokumenti: [],
    Kretanja: history.map(({ code, text: Status, place, at }) => ({
      Status,
      StatusSifra: code,
      Mesto: place,
      Datum: inBelgrade(at).slice(0, 16).replace("T", " "),
      DatumKretanja: inBelgrade(at),
      Potpisnik: "",
      Retur: "",
      PrijemniBroj: number,
      Masa: 1200,
    })),
  });
}

/** In winter. */
function inBelgrade(at: Date): string {
  return new Date(at.getTime() + 3_600_000).toISOString().slice(0, 19);
}

function journey(): HostScan[] {
  const at = (hours: number) => new Date(Date.UTC(2026, 0, 15, 9) + hours * 3_600_000);
  return [
    { code: "PR", text: "Primljeno", place: "NOVI SAD", at: at(0) },
    { code: "OT", text: "Otpremljeno", place: "NOVI SAD", at: at(4) },
    { code: "UR", text: "Uručeno", place: "BEOGRAD 35", at: at(26) },
  ];
}
