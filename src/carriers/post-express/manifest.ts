import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import { personOf, requireParts } from "../address-parts.ts";
import { CarrierRefusal, CarrierUncertain, type LabelPackage, type LabelRequest } from "../carrier.ts";
import { splitHouseNumber } from "../house-number.ts";
import { dateIn } from "../wall-clock.ts";
import { POST_EXPRESS } from "./client.ts";
import type { PostExpressSettings } from "./settings.ts";

export const BELGRADE = "Europe/Belgrade";

/** The input of transaction 73: one order with its boxes; grams. */
export function manifestOf(request: LabelRequest, settings: PostExpressSettings, now: Date) {
  const { reference, from, to, packages } = request;
  requireParts(POST_EXPRESS.name, { from, to }, ["street", "city", "postal_code"]);
  if (to.country !== "RS")
    throw new CarrierRefusal(`PostExpress delivers in Serbia (RS), not in "${to.country}"`);
  return {
    ExtIdManifest: reference,
    IdTipPosiljke: 1,
    IdPartnera: settings.partnerId,
    DatumPrijema: dateIn(BELGRADE, now),
    Posiljalac: partyOf(from),
    Porudzbine: [
      { ExtIdPorudzbina: reference, Posiljke: packages.map((box) => parcelOf(request, box, settings)) },
    ],
  };
}

function parcelOf(request: LabelRequest, box: LabelPackage, settings: PostExpressSettings) {
  const { from, to } = request;
  return {
    Rbr: box.sequence_number,
    ExtBrend: settings.brand,
    ExtMagacin: settings.warehouse,
    ExtReferenca: parcelReference(request, box),
    BrojPosiljke: parcelReference(request, box),
    ImaPrijemniBrojDN: "N",
    NacinPrijema: settings.handover,
    IdRukovanje: settings.handling,
    NacinPlacanja: settings.payment,
    Posiljalac: partyOf(from),
    MestoPreuzimanja: partyOf(from),
    Primalac: { TipAdrese: "S", ...partyOf(to) },
    Masa: Math.round(box.weight * 1000),
    PosebneUsluge: settings.handover === "K" ? "PNA" : "",
    Sadrzaj: settings.content,
  };
}

function parcelReference({ reference }: LabelRequest, { sequence_number }: LabelPackage): string {
  return `${reference}-${sequence_number}`;
}

/** Sources differ in how the town is called within an address; unknown names are ignored, so both are there. */
function partyOf(address: Address) {
  const { street, number } = splitHouseNumber(address.street);
  const { city, postal_code } = address;
  return {
    Naziv: personOf(address),
    Adresa: {
      OznakaZemlje: address.country,
      Naselje: city,
      Mesto: city,
      Ulica: street,
      Broj: number || "bb",
      PostBroj: postal_code,
      PostanskiBroj: postal_code,
    },
    Mesto: city,
    PostanskiBroj: postal_code,
    Telefon: address.phone,
    Email: address.email,
    OznakaZemlje: address.country,
  };
}

const text = z.string().nullish();
const complaintSchema = z.union([
  z.string(),
  z.object({ Polje: text, PorukaGreske: text, Poruka: text, Opis: text }),
]);
const parcelSchema = z.object({
  Rbr: z.number().nullish(),
  ExtReferenca: text,
  BrojPosiljke: text,
  PrijemniBroj: text,
  Rezultat: z.number().nullish(),
  Poruka: text,
});
const outputSchema = z.object({
  Rezultat: z.number().nullish(),
  Poruka: text,
  Porudzbine: z.array(z.object({ Posiljke: z.array(parcelSchema).nullish() })).nullish(),
  Greske: z.array(complaintSchema).nullish(),
  GreskeValidacije: z.array(complaintSchema).nullish(),
});
type Parcel = z.output<typeof parcelSchema>;

/**
 * The numbers that Pošta gave to the boxes, by sequence number. The transaction may go well while the manifest inside
 * it doesn't; complaints beside numbers are something that only a human can make sense of.
 */
export function numbersIn(output: unknown, request: LabelRequest): Map<number, string> {
  const read = outputSchema.safeParse(output);
  if (!read.success)
    throw new CarrierUncertain(`PostExpress's manifest can't be read: ${read.error.message.slice(0, 300)}`);
  const { Rezultat = 0, Poruka, Porudzbine, Greske, GreskeValidacije } = read.data;
  const parcels = (Porudzbine ?? []).flatMap(({ Posiljke }) => Posiljke ?? []);
  const numbers = numbersOf(request, parcels);
  const wrong = [...(Greske ?? []), ...(GreskeValidacije ?? []), ...complaintsOf(parcels)].map(wordsOf);
  if (Rezultat !== 0 && Rezultat !== null) wrong.unshift(Poruka ?? `Rezultat ${Rezultat}`);
  if (numbers.size === request.packages.length && wrong.length === 0) return numbers;
  if (numbers.size > 0)
    throw new CarrierUncertain(
      `PostExpress gave ${[...numbers.values()].join(", ")}, and complained: ${wrong.join("; ") || "some boxes have no number"}`,
    );
  throw new CarrierRefusal(
    `PostExpress refused the manifest: ${wrong.join("; ") || "it gave no PrijemniBroj"}`,
  );
}

function numbersOf(request: LabelRequest, parcels: readonly Parcel[]): Map<number, string> {
  return new Map(
    request.packages.flatMap((box, index) => {
      const reference = parcelReference(request, box);
      const parcel =
        parcels.find((one) => one.ExtReferenca === reference || one.BrojPosiljke === reference) ??
        parcels.find((one) => one.Rbr === box.sequence_number) ??
        parcels[index];
      return parcel?.PrijemniBroj ? [[box.sequence_number, parcel.PrijemniBroj] as const] : [];
    }),
  );
}

function complaintsOf(parcels: readonly Parcel[]): string[] {
  return parcels
    .filter(({ Rezultat }) => Rezultat !== 0 && Rezultat !== null && Rezultat !== undefined)
    .map(({ Rezultat, Poruka }) => Poruka ?? `Rezultat ${Rezultat}`);
}

function wordsOf(complaint: z.output<typeof complaintSchema>): string {
  if (typeof complaint === "string") return complaint;
  const { Polje, PorukaGreske, Poruka, Opis } = complaint;
  return [Polje, PorukaGreske || Poruka || Opis].filter(Boolean).join(": ") || "a fault without words";
}
