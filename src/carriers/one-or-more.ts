import { z } from "zod";

/** For hosts that write a list of one as that one, and an empty list as nothing. */
export function oneOrMore<Shape extends z.ZodType>(shape: Shape) {
  return z
    .union([z.array(shape), shape])
    .nullish()
    .transform((value) => [value ?? []].flat() as z.output<Shape>[]);
}
