/** Numbers that may come as text: from a query, a command line. */
import * as z from "zod";

const digits = /^\d+$/;

/** A bound is told as every other; zod asks the number's own words for it, too. */
const notWhole = ({ code }: { readonly code?: string }): string | undefined =>
  code === "invalid_type" ? "must be a whole number in decimal digits" : undefined;

/**
 * A whole number, or one written in decimal digits alone. `Number` would take `0x10`, `1e2`, `+5`, ` 5` and nothing at
 * all too, which are slips more often than they are meant.
 */
export const wholeNumber = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === "string" && digits.test(value) ? Number(value) : value),
    z.number({ error: notWhole }).min(min, { abort: true }).max(max, { abort: true }).int(),
  );
