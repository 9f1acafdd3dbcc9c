/**
 * The console's page and files over HTTP.
 *
 * Promise: whatever is served there runs nothing but its own files, is shown in no frame, and makes no text of anybody's
 * into markup (Trusted Types); a file is compressed once and then kept by browsers for ever, the page by nobody.
 */
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { qualityOf } from "../http/accept.ts";
import { answerWith, type WebRequest } from "../http/exchange.ts";
import { HttpProblem } from "../problems/problems.ts";
import { type Bundle, type BundleFile, makeBundle } from "./bundle.ts";
import { shellPage } from "./shell.ts";

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

const encodings = ["br", "gzip"] as const;
type Encoding = (typeof encodings)[number];

interface Served {
  readonly contentType: string;
  readonly tag: string;
  readonly plain: Buffer;
  readonly compressed: Readonly<Record<Encoding, Buffer>>;
}

async function servedOf({ contentType, content }: BundleFile): Promise<Served> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  const [br, gzipped] = await Promise.all([
    promisify(brotliCompress)(content, { params }),
    promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }),
  ]);
  const tag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
  return { contentType, tag, plain: content, compressed: { br, gzip: gzipped } };
}

interface Site {
  readonly page: Served;
  readonly files: ReadonlyMap<string, Served>;
}

async function makeSite(make: () => Promise<Bundle>): Promise<Site> {
  const bundle = await make();
  const page = await servedOf({
    contentType: "text/html; charset=utf-8",
    content: Buffer.from(shellPage(bundle)),
  });
  const files = new Map<string, Served>();
  for (const [name, file] of bundle.files) files.set(name, await servedOf(file));
  return { page, files };
}

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

/** `isOn`: whether there is a console here at all. */
export function consoleAnswers(isOn: boolean, make: () => Promise<Bundle> = makeBundle) {
  let made: Promise<Site> | undefined;
  const site = (): Promise<Site> => {
    if (!isOn) throw new HttpProblem("not-found", "There is no console here (CONSOLE)");
    made ??= makeSite(make);
    return made;
  };
  return {
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
