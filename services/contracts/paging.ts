/** What every list takes: how many items a page may have, and where it goes on. */
import * as z from "zod";
import { wholeNumber } from "./numbers.ts";

export const pageSizeMax = 200;

export const NextCursor = z
  .string()
  .nullable()
  .meta({ description: "The cursor of the next page; null on the last one" });

export const paging = {
  limit: wholeNumber(1, pageSizeMax).default(50).meta({ description: "How many items a page has at most" }),
  cursor: z.string().min(1).max(512).optional().meta({
    description: "Where the page begins: nextCursor of the page before; without it the list begins anew",
  }),
};
