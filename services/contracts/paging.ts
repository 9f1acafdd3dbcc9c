/** What every list takes: how many items a page may have, and where it goes on. */
import * as z from "zod";
import { wholeNumber } from "./numbers.ts";

export const pageSizeMax = 200;

export const paging = {
  limit: wholeNumber(1, pageSizeMax).default(50),
  cursor: z.string().min(1).max(512).optional(),
};
