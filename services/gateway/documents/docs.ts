/**
 * The page for people at /docs: Swagger UI out of the npm package, so that it works offline, and no inline script,
 * so that the Content-Security-Policy stays as strict as on every other answer. Its files serve the other pages too.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { HttpProblem } from "../problems/problems.ts";
import { pageOf, pageStyle } from "./html.ts";

export interface StaticFile {
  readonly contentType: string;
  readonly content: string | Buffer;
}

/** The document's title is shown by Swagger UI, so the page itself does not name what it is about once more. */
const page = pageOf({
  path: "/docs",
  title: "mailroster: HTTP API",
  head: '<link rel="stylesheet" href="/docs/swagger-ui.css">\n',
  main: `<main id="swagger-ui"></main>
<noscript><p class="prose">This page needs JavaScript; <a href="/openapi.json">/openapi.json</a> says the same without.</p></noscript>`,
  scripts: `<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/page.js"></script>
`,
});

/** Swagger UI is dark by a class, not by what the reader's system prefers; a change of that is followed at once. */
const script = `const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", validatorUrl: null, deepLinking: true });
`;

const packageFiles: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};
const ownFiles: Readonly<Record<string, StaticFile>> = {
  "page.css": { contentType: "text/css; charset=utf-8", content: pageStyle },
  "page.js": { contentType: "text/javascript; charset=utf-8", content: script },
};

export const docsPage: StaticFile = { contentType: "text/html; charset=utf-8", content: page };

const packageFolder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));

/** A file of the page; only the ones listed here, so a name can't lead out of the folder. */
export async function docsFile(name: string): Promise<StaticFile> {
  const ours = Object.hasOwn(ownFiles, name) ? ownFiles[name] : undefined;
  if (ours !== undefined) return ours;
  const contentType = Object.hasOwn(packageFiles, name) ? packageFiles[name] : undefined;
  if (contentType === undefined) throw new HttpProblem("not-found", "The page has no such file");
  return { contentType, content: await readFile(join(packageFolder, name)) };
}
