/** The rows that the gateway answers by itself: the start page, health, the documents and their pages. */
import * as z from "zod";
import { Health } from "../../contracts/actions.ts";
import { protectedResourcePath } from "../../contracts/headers.ts";
import { resourceMetadata } from "./access-examples.ts";
import * as example from "./examples.ts";
import type { LocalHandler, Operation } from "./operation.ts";

const AnyObject = z.looseObject({}).meta({ id: "Document" });
const Links = z
  .object({ name: z.string(), version: z.string(), links: z.record(z.string(), z.string()) })
  .meta({ id: "Links", description: "Where to go from here, by name" });
const ProtectedResource = z
  .object({
    resource: z.string().meta({ description: "What a token must be meant for" }),
    resource_name: z.string(),
    resource_documentation: z.string(),
    authorization_servers: z.array(z.string()).optional(),
    scopes_supported: z.array(z.string()),
    bearer_methods_supported: z.array(z.string()),
  })
  .meta({ id: "ProtectedResource", description: "RFC 9728" });
const page = { schema: z.string(), mediaType: "text/html" };

const local = (path: string, handler: LocalHandler, summary: string, description: string): Operation => ({
  id: handler,
  method: "GET",
  path,
  tag: "documents",
  scope: "documents",
  summary,
  description,
  target: { local: handler },
  status: 200,
  answer: { schema: AnyObject },
  problems: [],
});

export const localOperations: readonly Operation[] = [
  {
    ...local(
      "/",
      "start",
      "The start page",
      "Links to the documents, the health and the lists; as JSON when Accept prefers application/json to text/html.",
    ),
    answer: { ...page, alternative: { mediaType: "application/json", schema: Links } },
  },
  {
    ...local(
      "/health",
      "health",
      "Whether the gateway and every service behind it can work, in a word",
      "503 with the same body when one of them can't; /health/ready tells which.",
    ),
    tag: "health",
    scope: "public",
    answer: { schema: Health.pick({ status: true }).meta({ id: "HealthStatus" }), example: { status: "up" } },
  },
  {
    ...local(
      "/health/live",
      "live",
      "Whether the process is alive",
      "Asks nothing of other processes: a 200 means that this one answers, and no more.",
    ),
    tag: "health",
    scope: "public",
    answer: { schema: Health, example: example.live },
  },
  {
    ...local(
      "/health/ready",
      "ready",
      "Whether the gateway and every service behind it can work",
      "503 with the same body when one of them can't; the checks name it.",
    ),
    tag: "health",
    scope: "public",
    answer: { schema: Health, example: example.ready },
  },
  local(
    "/openapi.json",
    "openapi",
    "This document",
    "OpenAPI 3.1, made from the schemas that requests are checked by.",
  ),
  local(
    "/asyncapi.json",
    "asyncapi",
    "The events, for programs",
    "AsyncAPI 3, made from the schemas that events are checked by.",
  ),
  {
    ...local(
      "/docs",
      "docs",
      "The HTTP API, for people",
      "A page that works offline, where each request can be tried.",
    ),
    answer: page,
  },
  {
    // Before the path with a file, which would take it for one.
    ...local(
      "/docs/events",
      "eventsPage",
      "The events, for people",
      "A page that works offline and without scripts: how to receive events, and the fields of each.",
    ),
    answer: page,
  },
  {
    ...local(
      "/docs/:file",
      "docsFile",
      "A part of the pages",
      "Style sheets, scripts and the icon of the pages.",
    ),
    pathParams: { file: z.string().meta({ description: "The file's name as a page has it" }) },
    answer: { schema: z.string(), mediaType: "*/*" },
    problems: ["not-found"],
  },
  {
    ...local(
      protectedResourcePath,
      "protectedResource",
      "Whose tokens are taken here, for programs",
      "OAuth 2.0 Protected Resource Metadata (RFC 9728), which the challenge of a 401 leads to; 404 where nobody is asked for a token.",
    ),
    scope: "public",
    answer: { schema: ProtectedResource, example: resourceMetadata },
    problems: ["not-found"],
  },
  {
    ...local(
      "/problems/:slug",
      "problem",
      "What a type of problem means",
      "The address that the type of every problem leads to (RFC 9457 §3.1.1).",
    ),
    pathParams: { slug: z.string().meta({ description: "The last part of the problem's type" }) },
    problems: ["not-found"],
  },
];
