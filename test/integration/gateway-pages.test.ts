/** The pages for people: what they link to is there, and they need no other host, no inline code, and mostly no script. */
import test from "ava";
import type * as z from "zod";
import { eventSchemas, eventTypes, UserState } from "../../services/contracts/events.ts";
import { startLinks, startPage } from "../../services/gateway/documents/start-page.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { auditStandIn, outboxStandIn, registryStandIn, usersStandIn } from "../support/stand-ins.ts";

let gateway: Instance;
test.before(async () => {
  gateway = await startGateway({
    standIns: [usersStandIn(), registryStandIn(), auditStandIn(), outboxStandIn()],
  });
});
test.after.always(() => gateway.stop());

const get = (path: string, accept?: string): Promise<Response> =>
  fetch(gateway.url + path, accept === undefined ? {} : { headers: { accept } });

async function pageAt(path: string, accept = "text/html"): Promise<string> {
  const answer = await get(path, accept);
  if (answer.status !== 200) throw new Error(`Cannot read ${path}: it is answered ${answer.status}`);
  return answer.text();
}

const attributes = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, "g"))].map(([, value = ""]) => value);
const bodyOf = (html: string): string => html.slice(html.indexOf("<body"));
const textOf = (html: string): string => html.replaceAll(/<[^>]*>/g, " ");

test("GET / is a page whose links all lead somewhere", async (t) => {
  const answer = await get("/");
  t.is(answer.status, 200);
  t.is(answer.headers.get("content-type"), "text/html; charset=utf-8");
  t.is(answer.headers.get("vary"), "Accept");
  const html = await answer.text();
  const links = attributes(bodyOf(html), "href");
  for (const wanted of [
    "/console",
    "/docs",
    "/docs/events",
    "/openapi.json",
    "/asyncapi.json",
    "/users",
    "/health/ready",
  ])
    t.true(links.includes(wanted), wanted);
  // The stand-in of the registry is down, which ready says; there are no dead letters to ask for.
  const rest = links.filter((path) => path !== "/health/ready" && path !== "/dead-letters");
  for (const path of rest) t.is((await get(path)).status, 200, path);
  t.true(html.includes(`curl -i http://127.0.0.1:${gateway.port}/users`));
});

test("GET / is the same links as JSON for whoever prefers that, and the page for everybody else", async (t) => {
  const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  for (const accept of [browser, "*/*", "text/html, application/json;q=0.9", "application/json;q=0"])
    t.regex((await get("/", accept)).headers.get("content-type") ?? "", /^text\/html/, accept);
  for (const accept of ["application/json", "application/json, text/html;q=0.5, */*;q=0.1"]) {
    const answer = await get("/", accept);
    t.regex(answer.headers.get("content-type") ?? "", /^application\/json/, accept);
    const { name, links } = (await answer.json()) as { name: string; links: Record<string, string> };
    t.is(name, "mailroster");
    t.like(links, { docs: "/docs", openapi: "/openapi.json", users: "/users" });
  }
});

test("no page has inline code or styles, or a part of another host, and every part of it is there", async (t) => {
  for (const path of ["/", "/docs", "/docs/events"]) {
    const answer = await get(path);
    const csp = answer.headers.get("content-security-policy") ?? "";
    t.regex(csp, /default-src 'self'/, path);
    t.regex(csp, /script-src 'self'(;|$)/, path);
    const html = await answer.text();
    t.notRegex(html, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:/i, path);
    t.notRegex(html, /@import|url\(/i, path);
    const head = html.slice(0, html.indexOf("<body"));
    const parts = [...attributes(head, "href"), ...attributes(html, "src")];
    t.true(parts.length > 0, path);
    for (const part of parts) {
      t.regex(part, /^\/docs\/[\w.-]+$/, path);
      t.is((await get(part)).status, 200, part);
    }
    for (const link of attributes(bodyOf(html), "href")) t.regex(link, /^[/#]/, path);
  }
});

test("every page follows the reader's scheme of colours and fits a telephone", async (t) => {
  const style = await pageAt("/docs/page.css", "text/css");
  t.regex(style, /prefers-color-scheme: dark/);
  t.regex(style, /color-scheme: light dark/);
  for (const path of ["/", "/docs", "/docs/events"]) {
    const html = await pageAt(path);
    t.true(html.includes('<meta name="color-scheme" content="light dark">'), path);
    t.true(html.includes('content="width=device-width, initial-scale=1"'), path);
    t.true(attributes(html, "href").includes("/docs/page.css"), path);
  }
  t.regex(await pageAt("/docs/page.js", "*/*"), /prefers-color-scheme: dark/);
  t.regex(await pageAt("/docs/swagger-ui.css", "*/*"), /html\.dark-mode/);
});

test("each page says the name once", async (t) => {
  const named = (html: string) => textOf(bodyOf(html)).match(/mailroster(?! *\.users)/g)?.length ?? 0;
  t.is(named(await pageAt("/")), 1);
  // Swagger UI writes the document's title above the operations.
  const { info } = (await (await get("/openapi.json")).json()) as {
    info: { title: string; description: string };
  };
  t.is(named(await pageAt("/docs")) + named(`<body>${info.title} ${info.description}`), 1);
});

/** Each member of a zod object by its path, as a page shows it; `[]` stands for an item. */
function pathsOf(schema: z.ZodObject, prefix = ""): string[] {
  return Object.keys(schema.shape).map((name) => `${prefix}${name}`);
}

test("the page of the events lists each event with its fields and an example, without a script", async (t) => {
  const html = await pageAt("/docs/events");
  t.notRegex(html, /<script/i);
  const sections = html.split("<section").slice(1);
  t.is(sections.length, eventTypes.length);
  for (const type of eventTypes) {
    const section = sections.find((part) => part.includes(`id="${type}"`)) ?? "";
    const ofState = [
      ...pathsOf(UserState, "data.user."),
      ...["data.changes", "data.changes[].field", "data.changes[].from", "data.changes[].to"],
    ];
    const fields = [...pathsOf(eventSchemas[type]), ...(type === "user.erased.v1" ? [] : ofState)];
    for (const field of fields) t.true(section.includes(`<code>${field}</code>`), `${type}: ${field}`);
    const undescribed = [...section.matchAll(/<td><code>([^<]+)<\/code><\/td><td>.*?<\/td><td><\/td>/g)];
    t.deepEqual(
      undescribed.map(([, field]) => field),
      [],
    );
    const example = /<pre><code>([^<]+)<\/code><\/pre>/.exec(section)?.[1] ?? "";
    const parsed = eventSchemas[type].safeParse(JSON.parse(example.replaceAll("&quot;", '"')));
    t.true(parsed.success, type);
  }
});

test("a start page names the console only where there is one", (t) => {
  t.true(startPage(undefined, true).includes('href="/console"'));
  t.false(startPage(undefined, false).includes("/console"));
  t.is(startLinks(false).links.console, undefined);
});

test("a Host that is markup stays text on the start page", (t) => {
  const html = startPage('"><script>alert(1)</script>', true);
  t.notRegex(html, /<script/);
  t.true(html.includes("&lt;script&gt;"));
});
