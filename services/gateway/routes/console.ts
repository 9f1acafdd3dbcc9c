/** The rows of the console: its page at every path of its own, and its files. */
import * as z from "zod";
import type { Operation } from "./operation.ts";

const page = {
  method: "GET",
  tag: "console",
  scope: "public",
  summary: "The console, for people",
  status: 200,
  answer: { schema: z.string(), mediaType: "text/html" },
  target: { local: "consolePage" },
} as const;

export const consoleOperations: readonly Operation[] = [
  {
    // Before the pages, which would take it for one.
    id: "consoleFile",
    method: "GET",
    path: "/console/assets/:file",
    tag: "console",
    scope: "public",
    summary: "A part of the console",
    description:
      "Style sheets and scripts, under names that change with their content; compressed by br or gzip for who takes that.",
    target: { local: "consoleFile" },
    pathParams: { file: z.string().meta({ description: "The file's name as the page has it" }) },
    status: 200,
    answer: { schema: z.string(), mediaType: "*/*" },
    problems: ["not-found"],
  },
  {
    ...page,
    id: "consolePage",
    path: "/console",
    description:
      "One page without data, whose program asks this API with the rights of whoever has signed in; 404 where it is switched off (CONSOLE).",
    problems: ["not-found"],
  },
  {
    ...page,
    id: "consoleDeepLink",
    path: "/console/*path",
    isUndocumented: true,
    description: "The same page, at the address of each of its screens.",
    problems: ["not-found"],
  },
];
