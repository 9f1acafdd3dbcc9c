/** What a story at the console needs: the system as `npm start` runs it, one process, on databases that the test can look into. */

import type pg from "pg";
import type { Locator, Page } from "playwright-core";
import type { ConsolePage, TestBrowser } from "./browser.ts";
import { startBrowser } from "./browser.ts";
import { eventually } from "./eventually.ts";
import { ownDatabase } from "./own-database.ts";
import { type HttpAnswer, Processes, request } from "./processes.ts";

interface Teardown {
  teardown(end: () => Promise<void>): void;
}

export interface SingleConsole {
  readonly url: string;
  readonly users: pg.Pool;
  readonly registry: pg.Pool;
  /** As a client of the API, which the local owner is; `actor` and `id` of the request where they matter. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    wish?: { actor?: string; correlationId?: string },
  ): Promise<HttpAnswer>;
  /** A browser's page at a path of the console's; what it has done wrong fails the test. */
  open(t: Teardown, path: string): Promise<ConsolePage>;
  stop(): Promise<void>;
}

/** On one process, where a failed event is retried twice within moments. */
export async function startSingleConsole(
  environment: Readonly<Record<string, string>> = {},
): Promise<SingleConsole> {
  const processes = new Processes();
  const [users, registry] = [await ownDatabase("users"), await ownDatabase("registry")];
  const own = {
    DATA_DIR: processes.folder(),
    DATABASE_URL: users.url,
    REGISTRY_DATABASE_URL: registry.url,
    RETRY_DELAYS_MS: "30,30",
    CONSOLE: "on",
    ...environment,
  };
  const end = async (): Promise<void> => {
    await processes.end();
    await users.close();
    await registry.close();
  };
  const begin = async () => {
    const system = await processes.start({ env: own });
    await system.ready();
    return { system, browser: await startBrowser() };
  };
  // What a failed start leaves running would keep the tests' process.
  const { system, browser } = await begin().catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return {
    url: system.httpUrl,
    users: users.pool,
    registry: registry.pool,
    ask: (method, path, body, { actor, correlationId } = {}) =>
      request(`${system.httpUrl}${path}`, {
        method,
        body,
        headers: {
          ...(actor === undefined ? {} : { "x-actor": actor }),
          ...(correlationId === undefined ? {} : { "x-correlation-id": correlationId }),
        },
      }),
    open: (t, path) => openAt(t, browser, system.httpUrl, path),
    async stop() {
      await browser.close();
      await end();
    },
  };
}

export async function openAt(
  t: Teardown,
  browser: TestBrowser,
  url: string,
  path: string,
): Promise<ConsolePage> {
  const at = await browser.open(url);
  t.teardown(() => at.close());
  await at.page.goto(path);
  await at.settled();
  return at;
}

/** Waits until what the page is about has the text. */
export const tells = (page: Page, text: string | RegExp): Promise<void> =>
  page.getByRole("main").getByText(text).first().waitFor();

/** Of a table, by what it is called, the rows that have the text. */
export const row = (page: Page, table: string, text: string | RegExp): Locator =>
  page.getByRole("table", { name: table }).getByRole("row").filter({ hasText: text });

/** Waits until the tab is called so. */
export const titled = (page: Page, title: string | RegExp): Promise<void> =>
  eventually(async () => {
    const now = await page.title();
    if (typeof title === "string" ? now !== title : !title.test(now))
      throw new Error(`The tab is called ${now}`);
  });
