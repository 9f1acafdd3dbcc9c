/** Numbers that may come as text: from a query, a command line. */
import * as z from "zod";

const digits = /^\d+$/;

/**
 * A whole number, or one written in decimal digits alone. `Number` would take `0x10`, `1e2`, `+5`, ` 5` and nothing at
 * all too, which are slips more often than they are meant.
 */
export const wholeNumber = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === "string" && digits.test(value) ? Number(value) : value),
    z.number({ error: "must be a whole number in decimal digits" }).int().min(min).max(max),
  );
