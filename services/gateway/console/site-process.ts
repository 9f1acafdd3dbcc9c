/** The process of `siteOfProcess` (site.ts): makes the console, writes it to its output, and ends. */
import { serialize } from "node:v8";
import { makeSite } from "./site.ts";

process.stdout.write(serialize(await makeSite()));
