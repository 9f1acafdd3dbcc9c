/** The answers that the gateway gives by itself: health, the documents, the page, the catalogue of problems. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServiceBroker } from "moleculer";
import type { Health } from "../contracts/actions.ts";
import { asyncApiDocument } from "./asyncapi.ts";
import { docsFile, docsPage, type StaticFile } from "./docs.ts";
import { answerWith, exchangeOf } from "./exchange.ts";
import { live, ready } from "./health.ts";
import { openApiDocument } from "./openapi.ts";
import { HttpProblem, type ProblemSlug, problemTypes } from "./problems.ts";
import type { LocalHandler } from "./routes.ts";

export type LocalAnswer = (req: IncomingMessage, res: ServerResponse) => Promise<void> | void;

export interface LocalOptions {
  /** Undefined until the service is created. */
  readonly broker: () => ServiceBroker | undefined;
  readonly healthTimeoutMs: number;
  readonly closing: () => boolean;
}

/** The page's files change with a release only. */
const fileCacheControl = "public, max-age=3600";

function problemPage(slug: string): string {
  if (!Object.hasOwn(problemTypes, slug))
    throw new HttpProblem("not-found", "There is no such type of problem");
  const { status, title, about } = problemTypes[slug as ProblemSlug];
  return JSON.stringify({ type: `/problems/${slug}`, title, status, description: about });
}

const sendHealth = (req: IncomingMessage, res: ServerResponse, health: Pick<Health, "status">): void =>
  answerWith(req, res, { status: health.status === "up" ? 200 : 503, content: JSON.stringify(health) });

const sendFile = (req: IncomingMessage, res: ServerResponse, file: StaticFile): void =>
  answerWith(req, res, { status: 200, cacheControl: fileCacheControl, ...file });

/** Makes the documents once; each answer may throw a problem. */
export function localAnswers(options: LocalOptions): Record<LocalHandler, LocalAnswer> {
  const openapi = JSON.stringify(openApiDocument());
  const asyncapi = JSON.stringify(asyncApiDocument());
  const stopping: Health = {
    status: "down",
    checks: { gateway: { status: "down", detail: "is not running" } },
  };
  const readiness = async (): Promise<Health> => {
    const broker = options.broker();
    return broker === undefined || options.closing()
      ? stopping
      : await ready(broker, options.healthTimeoutMs);
  };
  return {
    health: async (req, res) => {
      const { status } = await readiness();
      sendHealth(req, res, { status });
    },
    live: (req, res) => sendHealth(req, res, live()),
    ready: async (req, res) => sendHealth(req, res, await readiness()),
    openapi: (req, res) => answerWith(req, res, { status: 200, content: openapi }),
    asyncapi: (req, res) => answerWith(req, res, { status: 200, content: asyncapi }),
    docs: (req, res) => sendFile(req, res, docsPage),
    docsFile: async (req, res) => sendFile(req, res, await docsFile(exchangeOf(req).pathParams.file ?? "")),
    problem: (req, res) =>
      answerWith(req, res, { status: 200, content: problemPage(exchangeOf(req).pathParams.slug ?? "") }),
  };
}
