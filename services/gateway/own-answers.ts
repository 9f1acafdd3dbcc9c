/** The answers that the gateway gives by itself: health, the documents, the page, the catalogue of problems. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServiceBroker } from "moleculer";
import type { HealthCheck } from "../../mixins/basics/mixin.ts";
import { recent } from "../../mixins/basics/recent.ts";
import { runChecks } from "../../mixins/health.ts";
import type { Health } from "../contracts/actions.ts";
import type { ProtectedResource } from "./access/protected-resource.ts";
import { consoleAnswers } from "./console/answers.ts";
import { asyncApiDocument } from "./documents/asyncapi.ts";
import { docsFile, docsPage, type StaticFile } from "./documents/docs.ts";
import { eventsPage } from "./documents/events-page.ts";
import { openApiDocument } from "./documents/openapi.ts";
import { startLinks, startPage } from "./documents/start-page.ts";
import { liveness, readinessOf } from "./health.ts";
import { qualityOf } from "./http/accept.ts";
import { answerWith, type WebRequest } from "./http/exchange.ts";
import { type ProblemSlug, problemTypes } from "./problems/problem-types.ts";
import { HttpProblem } from "./problems/problems.ts";
import type { LocalHandler } from "./routes/operation.ts";
import type { sessionAnswers } from "./sessions/answers.ts";

export type LocalAnswer = (req: WebRequest, res: ServerResponse) => Promise<void> | void;

export interface LocalOptions {
  /** Undefined until the service is created. */
  readonly broker: () => ServiceBroker | undefined;
  readonly healthTimeoutMs: number;
  /** Whether whoever asks for health may hear why something is down, and not only that it is. */
  readonly isOpen: boolean;
  readonly closing: () => boolean;
  /** What the gateway needs beside the services behind it. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** undefined: no tokens are taken. */
  readonly resource: ProtectedResource | undefined;
  /** Whether the console is served. */
  readonly hasConsole: boolean;
  readonly sessions: Pick<Record<LocalHandler, LocalAnswer>, SessionHandler>;
}

type SessionHandler = keyof ReturnType<typeof sessionAnswers>;

const html = "text/html; charset=utf-8";
const varies = ["Vary", "Accept"];

/** Whether the caller asks for JSON and not for the page; what takes anything, as curl does, gets the page. */
function prefersJson({ headers }: IncomingMessage): boolean {
  const quality = (type: string): number => qualityOf(headers.accept, type);
  return quality("application/json") > quality("text/html");
}

function sendStart(req: WebRequest, res: ServerResponse, hasConsole: boolean): void {
  const answer = prefersJson(req)
    ? { content: JSON.stringify(startLinks(hasConsole)) }
    : { content: startPage(req.headers.host, hasConsole), contentType: html };
  answerWith(req, res, { status: 200, headers: varies, ...answer });
}

/** What the services have said is told for so long. */
const readyKeptMs = 1_000;

/** The page's files change with a release only. They carry the correlation id of who asked, and are nobody else's. */
const fileCacheControl = "private, max-age=3600";

function problemPage(slug: string): string {
  if (!Object.hasOwn(problemTypes, slug))
    throw new HttpProblem("not-found", "There is no such type of problem");
  const { status, title, about } = problemTypes[slug as ProblemSlug];
  return JSON.stringify({ type: `/problems/${slug}`, title, status, description: about });
}

const sendHealth = (req: WebRequest, res: ServerResponse, health: Pick<Health, "status">): void =>
  answerWith(req, res, { status: health.status === "up" ? 200 : 503, content: JSON.stringify(health) });

/** What is down, and nothing of the reason. */
const withoutDetails = ({ status, checks }: Health): Health => ({
  status,
  checks: Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, { status: check.status }])),
});

const sendFile = (req: WebRequest, res: ServerResponse, file: StaticFile): void =>
  answerWith(req, res, { status: 200, cacheControl: fileCacheControl, ...file });

/** Makes the documents once; each answer may throw a problem. */
export function localAnswers(
  options: LocalOptions,
): Record<LocalHandler, LocalAnswer> & { prepareConsole(ending: AbortSignal): void } {
  const openapi = JSON.stringify(openApiDocument());
  const events = asyncApiDocument();
  const asyncapi = JSON.stringify(events);
  const eventsHtml: StaticFile = { contentType: html, content: eventsPage(events) };
  const stopping: Health = {
    status: "down",
    checks: { gateway: { status: "down", detail: "is not running" } },
  };
  // Whoever asks faster than that would have every service asked as often.
  const askAll = recent(async () => {
    const broker = options.broker() as ServiceBroker;
    const behind = await readinessOf(broker, options.healthTimeoutMs);
    const own = await runChecks(options.checks);
    const isUp = behind.status === "up" && own.status === "up";
    return { status: isUp ? "up" : "down", checks: { ...behind.checks, ...own.checks } } as Health;
  }, readyKeptMs);
  const readiness = async (): Promise<Health> =>
    options.broker() === undefined || options.closing() ? stopping : askAll();
  return {
    ...consoleAnswers(options.hasConsole),
    ...options.sessions,
    start: (req, res) => sendStart(req, res, options.hasConsole),
    health: async (req, res) => {
      const { status } = await readiness();
      sendHealth(req, res, { status });
    },
    live: (req, res) => sendHealth(req, res, liveness()),
    ready: async (req, res) => {
      const health = await readiness();
      sendHealth(req, res, options.isOpen ? health : withoutDetails(health));
    },
    openapi: (req, res) => answerWith(req, res, { status: 200, content: openapi }),
    asyncapi: (req, res) => answerWith(req, res, { status: 200, content: asyncapi }),
    docs: (req, res) => sendFile(req, res, docsPage),
    eventsPage: (req, res) => sendFile(req, res, eventsHtml),
    docsFile: async (req, res) => sendFile(req, res, await docsFile(req.exchange.pathParams.file ?? "")),
    protectedResource: (req, res) => {
      if (options.resource === undefined)
        throw new HttpProblem("not-found", "No tokens are taken here (AUTH)");
      answerWith(req, res, { status: 200, content: JSON.stringify(options.resource.documentFor(req)) });
    },
    scimUnsupported: () => {
      throw new HttpProblem(
        "not-implemented",
        "This part of SCIM is not supported here (ServiceProviderConfig)",
      );
    },
    problem: (req, res) =>
      answerWith(req, res, { status: 200, content: problemPage(req.exchange.pathParams.slug ?? "") }),
  };
}
