import { expect, it } from "vitest";
import { splitHouseNumber } from "../../src/carriers/house-number.ts";

it.each([
  ["Industrijska 5", "Industrijska", "5"],
  ["Булевар краља Александра 73а", "Булевар краља Александра", "73а"],
  ["Bulevar oslobođenja, 34/4", "Bulevar oslobođenja", "34/4"],
  ["Kneza Miloša 10/II/3", "Kneza Miloša", "10/II/3"],
  ["Glavna bb", "Glavna", "bb"],
  ["Главна б.б.", "Главна б.б.", ""],
  ["Glavna b.b", "Glavna", "b.b"],
  ["27. marta 11", "27. marta", "11"],
  ["12 Rue de la Paix", "Rue de la Paix", "12"],
  ["Π. Ράλλη 45", "Π. Ράλλη", "45"],
  ["Terazije", "Terazije", ""],
  ["7", "7", ""],
  ["", "", ""],
  ["  Glavna   12  ", "Glavna", "12"],
])("%j is the street %j and the number %j", (line, street, number) => {
  expect(splitHouseNumber(line)).toEqual({ street, number });
});
