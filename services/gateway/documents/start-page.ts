/** The start page: what this is, and where to go from here. For programs the same links as JSON. */
import { escapeHtml, pageOf } from "./html.ts";
import { projectInfo } from "./json-schema.ts";

interface Link {
  readonly name: string;
  readonly path: string;
  readonly says: string;
}

const documents: readonly Link[] = [
  { name: "docs", path: "/docs", says: "The HTTP API; each request can be tried" },
  { name: "events", path: "/docs/events", says: "The events, and how to receive them" },
  { name: "openapi", path: "/openapi.json", says: "The HTTP API for programs (OpenAPI)" },
  { name: "asyncapi", path: "/asyncapi.json", says: "The events for programs (AsyncAPI)" },
];
const people: Link = {
  name: "console",
  path: "/console",
  says: "The console: who has an address, who had it, who changed it",
};
const lists: readonly Link[] = [
  { name: "users", path: "/users", says: "Users, page by page" },
  { name: "audit", path: "/audit", says: "Who changed what, and when" },
  { name: "dead-letters", path: "/dead-letters", says: "Events that a consumer gave up" },
];
const health: readonly Link[] = [
  { name: "ready", path: "/health/ready", says: "Whether everything behind the gateway can work" },
  { name: "live", path: "/health/live", says: "Whether this process is alive" },
];

const row = ({ path, says }: Link): string =>
  `<dt><a href="${path}">${path}</a></dt><dd>${escapeHtml(says)}</dd>`;
const section = (title: string, links: readonly Link[]): string =>
  `<h2>${title}</h2>\n<dl>${links.map(row).join("\n")}</dl>`;

const firstRequest = `curl -i ORIGIN/users -H 'content-type: application/json' \\
  -d '{"displayName":"Ann Lee","primarySmtp":"ann.lee@example.com"}'`;

/** `host` is as the request named it; without one the example leaves the address to the reader. */
export function startPage(host: string | undefined, hasConsole: boolean): string {
  const { version, description } = projectInfo();
  const request = firstRequest.replace("ORIGIN", host === undefined ? "http://HOST:PORT" : `http://${host}`);
  return pageOf({
    path: "/",
    title: "mailroster",
    main: `<main class="prose">
<h1>mailroster</h1>
<p>${escapeHtml(description)}.</p>
<p class="dim">Version ${escapeHtml(version)}</p>
${hasConsole ? section("For people", [people]) : ""}
${section("Documentation", documents)}
${section("Lists", lists)}
${section("Health", health)}
<h2>A first request</h2>
<pre><code>${escapeHtml(request)}</code></pre>
</main>`,
  });
}

export function startLinks(hasConsole: boolean): {
  name: string;
  version: string;
  links: Record<string, string>;
} {
  const links = [...(hasConsole ? [people] : []), ...documents, ...lists, ...health].map(({ name, path }) => [
    name,
    path,
  ]);
  return { name: "mailroster", version: projectInfo().version, links: Object.fromEntries(links) };
}
