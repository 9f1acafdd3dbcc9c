/**
 * The console's page and files over HTTP.
 *
 * Promise: whatever is served there runs nothing but its own files, is shown in no frame, and makes no text of anybody's
 * into markup (Trusted Types); a file is compressed once and then kept by browsers for ever, the page by nobody.
 */
import type { ServerResponse } from "node:http";
import { qualityOf } from "../http/accept.ts";
import { answerWith, type WebRequest } from "../http/exchange.ts";
import { HttpProblem } from "../problems/problems.ts";
import { type Encoding, encodings, makeSite, type Served, type Site, siteOfProcess } from "./site.ts";

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** Instead of those of every other answer: name, value, name, value … */
export const consoleSecurityHeaders: readonly string[] = [
  "Content-Security-Policy",
  policy,
  "Cross-Origin-Opener-Policy",
  "same-origin",
  "Cross-Origin-Resource-Policy",
  "same-origin",
  "Referrer-Policy",
  "no-referrer",
  "X-Content-Type-Options",
  "nosniff",
];

/** The first of ours that is taken at all: what is smaller is better for everybody. */
function encodingFor({ headers }: WebRequest): Encoding | undefined {
  const accepted = headers["accept-encoding"];
  return encodings.find((name) => qualityOf(String(accepted ?? ""), name) > 0);
}

const isKnown = ({ headers }: WebRequest, tag: string): boolean =>
  (headers["if-none-match"] ?? "").split(",").some((part) => part.trim().replace(/^W\//, "") === tag);

function send(req: WebRequest, res: ServerResponse, served: Served, cacheControl: string): void {
  const encoding = encodingFor(req);
  const headers = ["ETag", served.tag, "Vary", "Accept-Encoding"];
  const common = { cacheControl, securityHeaders: consoleSecurityHeaders };
  if (isKnown(req, served.tag)) {
    answerWith(req, res, { ...common, status: 304, headers });
    return;
  }
  answerWith(req, res, {
    ...common,
    status: 200,
    headers: encoding === undefined ? headers : [...headers, "Content-Encoding", encoding],
    contentType: served.contentType,
    content: encoding === undefined ? served.plain : served.compressed[encoding],
  });
}

const forEver = "public, max-age=31536000, immutable";

/**
 * `isOn`: whether there is a console here at all. `prepareConsole` makes it before somebody asks, who would wait half a
 * second; where it can't, whoever asks first does wait.
 */
export function consoleAnswers(isOn: boolean) {
  let prepared: Promise<Site | undefined> = Promise.resolve(undefined);
  let made: Promise<Site> | undefined;
  const site = (): Promise<Site> => {
    if (!isOn) throw new HttpProblem("not-found", "There is no console here (CONSOLE)");
    made ??= prepared
      .then((ready) => ready ?? makeSite())
      .catch((error: unknown) => {
        // Whoever asks next tries again: a file may have been out of reach for a moment.
        made = undefined;
        throw error;
      });
    return made;
  };
  return {
    prepareConsole(ending: AbortSignal): void {
      if (isOn && made === undefined) prepared = siteOfProcess(ending).catch(() => undefined);
    },
    consolePage: async (req: WebRequest, res: ServerResponse): Promise<void> =>
      send(req, res, (await site()).page, "no-store"),
    consoleFile: async (req: WebRequest, res: ServerResponse): Promise<void> => {
      const file = (await site()).files.get(req.exchange.pathParams.file ?? "");
      if (file === undefined)
        throw new HttpProblem("not-found", "The console has no such file: load its page again");
      send(req, res, file, forEver);
    },
  };
}
