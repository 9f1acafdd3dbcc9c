/**
 * The page for people at /docs: Swagger UI out of the npm package, so that it works offline, and no inline script,
 * so that the Content-Security-Policy stays as strict as on every other answer.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { HttpProblem } from "./problems.ts";

export interface StaticFile {
  readonly contentType: string;
  readonly content: string | Buffer;
}

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mailroster: API</title>
<link rel="icon" type="image/png" sizes="32x32" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
</head>
<body>
<header>
<h1>mailroster</h1>
<p>The HTTP API is below and in <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1);
the events are in <a href="/asyncapi.json">/asyncapi.json</a> (AsyncAPI 3.0).</p>
</header>
<main id="swagger-ui"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/page.js"></script>
</body>
</html>
`;

const script = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true });
`;

const style = `body { margin: 0; font-family: sans-serif; }
header { margin: 0 auto; max-width: 1460px; padding: 1rem 20px 0; }
`;

const packaged: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};
const own: Readonly<Record<string, StaticFile>> = {
  "page.css": { contentType: "text/css; charset=utf-8", content: style },
  "page.js": { contentType: "text/javascript; charset=utf-8", content: script },
};

export const docsPage: StaticFile = { contentType: "text/html; charset=utf-8", content: page };

const packageFolder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));

/** A file of the page; only the ones listed here, so a name can't lead out of the folder. */
export async function docsFile(name: string): Promise<StaticFile> {
  const ours = Object.hasOwn(own, name) ? own[name] : undefined;
  if (ours !== undefined) return ours;
  const contentType = Object.hasOwn(packaged, name) ? packaged[name] : undefined;
  if (contentType === undefined) throw new HttpProblem("not-found", "The page has no such file");
  return { contentType, content: await readFile(join(packageFolder, name)) };
}
