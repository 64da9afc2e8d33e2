import type { LabelRequest } from "../../../src/carriers/carrier.ts";
import { labelRequest, testAddress } from "./carrier-tools.ts";

/** A parcel within Serbia, written in Cyrillic as customers do. */
export function serbianRequest(parts: Partial<LabelRequest> = {}): LabelRequest {
  return labelRequest({
    from: testAddress({
      company: "Proba d.o.o.",
      contact_name: "Ana Anić",
      street: "Industrijska 5",
      city: "Novi Sad",
      postal_code: "21000",
      country: "RS",
      phone: "+381 21 123-4567",
    }),
    to: testAddress({
      contact_name: "Љиљана Џокић",
      street: "Булевар краља Александра 73а",
      street2: "stan 5",
      city: "Београд",
      postal_code: "11000",
      country: "RS",
      phone: "064 123 45 67",
      email: "proba@example.com",
    }),
    ...parts,
  });
}

export function greekRequest(parts: Partial<LabelRequest> = {}): LabelRequest {
  return labelRequest({
    from: testAddress({ company: "ESHOP", street: "Πειραιώς 1", city: "Αθήνα", country: "GR" }),
    to: testAddress({
      contact_name: "Δοκιμή Παραλήπτης",
      street: "Π. Ράλλη 45",
      city: "Ταύρος",
      postal_code: "17778",
      country: "GR",
      phone: "6999999999",
    }),
    ...parts,
  });
}

export function koreanRequest(parts: Partial<LabelRequest> = {}): LabelRequest {
  return labelRequest({
    from: testAddress({
      company: "시험상점",
      street: "디지털로 10",
      city: "금천구",
      state: "서울",
      postal_code: "08500",
      country: "KR",
      phone: "1566-1674",
    }),
    to: testAddress({
      contact_name: "홍길동",
      street: "세종대로9길 53",
      street2: "101동 201호",
      city: "중구",
      state: "서울",
      postal_code: "04527",
      country: "KR",
      phone: "+82 10-1234-5678",
    }),
    ...parts,
  });
}
