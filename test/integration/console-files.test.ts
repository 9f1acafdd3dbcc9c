/** The console as it is served: one page that runs nothing but its own files, under names that never change their content. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { makeBundle } from "../../services/gateway/console/bundle.ts";
import { makeSite, siteOfProcess } from "../../services/gateway/console/site.ts";
import { type Instance, startGateway } from "../support/rig.ts";

let gateway: Instance;
test.before(async () => {
  gateway = await startGateway({ standIns: [] });
});
test.after.always(() => gateway.stop());

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(gateway.url + path, { headers });
const page = async (): Promise<string> => (await get("/console")).text();
const assetsOf = (html: string): string[] =>
  [...html.matchAll(/(?:href|src)="(\/console\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

function requireHeaders(
  t: { is(a: unknown, b: unknown, c: string): void },
  { headers, url }: Response,
): void {
  const wanted = {
    "content-security-policy": policy,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  };
  for (const [name, value] of Object.entries(wanted)) t.is(headers.get(name), value, `${name} of ${url}`);
}

test("the console's page is the same at each of its addresses, kept by nobody, and nothing in it is inline", async (t) => {
  const html = await page();
  for (const path of [
    "/console",
    "/console/",
    "/console/addresses/ann.lee@example.com",
    "/console/users?q=x",
  ]) {
    const answer = await get(path);
    t.is(answer.status, 200, path);
    t.is(answer.headers.get("content-type"), "text/html; charset=utf-8");
    t.is(answer.headers.get("cache-control"), "no-store");
    requireHeaders(t, answer);
    t.is(await answer.text(), html, path);
  }
  t.notRegex(html, /<style|\sstyle=|\son\w+=/);
  for (const [script] of html.matchAll(/<script[^>]*>[^<]*/g)) t.regex(script, /src="[^"]+">$/);
});

test("every file of the console that is named is there, and may be kept for ever", async (t) => {
  const paths = assetsOf(await page());
  for (const kind of ["main", "preact", "htm", "console"])
    t.true(
      paths.some((path) => path.startsWith(`/console/assets/${kind}-`)),
      kind,
    );
  for (const path of paths) {
    const answer = await get(path);
    t.is(answer.status, 200, path);
    t.is(answer.headers.get("cache-control"), "public, max-age=31536000, immutable");
    t.regex(
      answer.headers.get("content-type") ?? "",
      /^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/,
    );
    requireHeaders(t, answer);
    const code = await answer.text();
    if (!path.endsWith(".js")) continue;
    t.notRegex(code, /sourceMappingURL/);
    for (const [, name = ""] of code.matchAll(/(?:from|import)\s*"(\.\/[^"]+)"/g))
      t.true(paths.includes(`/console/assets/${name.slice(2)}`), `${path} imports ${name}`);
    for (const [, name = ""] of code.matchAll(/import\("(\.\/[^"]+)"\)/g))
      t.is((await get(`/console/assets/${name.slice(2)}`)).status, 200, `${path} imports ${name} later`);
  }
});

test("a file of the console that has another name is not there, and nobody keeps that", async (t) => {
  for (const path of [
    "/console/assets/main.ts",
    "/console/assets/main-0000000000000000.js",
    "/console/assets/..%2Fbundle.ts",
  ]) {
    const answer = await get(path);
    t.is(answer.status, 404, path);
    t.is(answer.headers.get("cache-control"), "no-store");
  }
});

test("a file of the console comes compressed for who takes that, and not at all for who has it", async (t) => {
  const path = assetsOf(await page()).find((each) => each.includes("/preact-")) ?? "";
  const plain = await (await get(path, { "accept-encoding": "identity" })).text();
  for (const [accepted, encoding] of [
    ["gzip, deflate, br", "br"],
    ["gzip;q=0.5, br;q=0", "gzip"],
    ["zstd", null],
  ] as const) {
    const answer = await get(path, { "accept-encoding": accepted });
    t.is(answer.headers.get("content-encoding"), encoding, accepted);
    t.is(answer.headers.get("vary"), "Accept-Encoding");
    t.is(await answer.text(), plain);
  }
  const tag = (await get(path)).headers.get("etag") ?? "";
  t.is((await get(path, { "if-none-match": `W/${tag}` })).status, 304);
  t.is((await get(path, { "if-none-match": '"other"' })).status, 200);
});

test("what the console needs to show its first page is under 60 kB compressed", async (t) => {
  let bytes = 0;
  for (const path of ["/console", ...assetsOf(await page())])
    bytes += Number((await get(path, { "accept-encoding": "br" })).headers.get("content-length"));
  t.true(bytes < 60_000, `${bytes} bytes`);
});

test("the console that a process of its own makes is the console", async (t) => {
  t.deepEqual(await siteOfProcess(new AbortController().signal), await makeSite());
  await t.throwsAsync(() => siteOfProcess(AbortSignal.abort()), { name: "AbortError" });
  const early = await startGateway({ standIns: [], limits: { consoleAfterMs: 0 } });
  t.teardown(() => early.stop());
  t.is(await (await fetch(`${early.url}/console`)).text(), await page());
});

test("a console that is switched off is not there", async (t) => {
  const off = await startGateway({ standIns: [], environment: { CONSOLE: "off" } });
  t.teardown(() => off.stop());
  for (const path of ["/console", "/console/users", "/console/assets/main.js"])
    t.is((await fetch(off.url + path)).status, 404, path);
});

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "console-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test("names of the console's files change with the content of any of them, and a circle of imports is no obstacle", async (t) => {
  const files = {
    "main.ts":
      "import { b } from './b.ts';\nimport type { Z } from '../../z.ts';\nexport const a: number = 1;\nb satisfies Z;",
    "b.ts":
      "import { a } from './main.ts';\nexport const b = () => import('./c.ts');\nexport const text = `from './main.ts'` + a;",
    "c.ts": "export {};",
    "console.css": "a { color: red }",
  };
  const folder = folderWith(files);
  t.teardown(() => rmSync(folder, { recursive: true }));
  const first = await makeBundle(folder);
  t.deepEqual(await makeBundle(folder), first);
  const [main = "", b = "", ...others] = first.modules;
  t.deepEqual(others, [], "what is imported later is not needed at once");
  const c = [...first.files.keys()].find((name) => name.startsWith("c-")) ?? "";
  const code = first.files.get(b)?.content.toString() ?? "";
  t.true(code.includes(`from './${main}'`) && code.includes(`import("./${c}")`), code);
  t.true(code.includes("`from './main.ts'`"), "a text is left as it is");
  writeFileSync(join(folder, "console.css"), "a { color: blue }");
  const second = await makeBundle(folder);
  for (const name of second.files.keys()) t.false(first.files.has(name), name);
});

test("a module of the console that imports what is not served is no console, and the error names it", async (t) => {
  for (const specifier of [
    "moleculer",
    "../../../contracts/access.ts",
    "./missing.ts",
    "https://example.com/x.js",
  ]) {
    const folder = folderWith({ "main.ts": `import x from "${specifier}"; x();` });
    t.teardown(() => rmSync(folder, { recursive: true }));
    const error = await t.throwsAsync(() => makeBundle(folder));
    t.regex(error.message, new RegExp(specifier.replaceAll(/^\.\//g, "").replaceAll(".", "\\.")));
  }
});
