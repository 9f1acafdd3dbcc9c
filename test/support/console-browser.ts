/** A browser at the console, as far as cookies and what it says of a request go. */
import type { Answer } from "./rig.ts";

export interface Browser {
  /** By name. */
  readonly cookies: Map<string, string>;
  /** Every line of Set-Cookie that has come. */
  readonly lines: string[];
  /** As the console's own page asks; what is null in `headers` is left out. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string | null>>,
  ): Promise<Answer>;
}

const own = { "sec-fetch-site": "same-origin", "x-mailroster-console": "1" };

export function browserAt(url: string, always: Readonly<Record<string, string>> = {}): Browser {
  const cookies = new Map<string, string>();
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/Max-Age=0(;|$)/.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  };
  return {
    cookies,
    lines,
    async ask(method, path, body, headers = {}) {
      const sent = Object.entries({ ...own, ...always, ...headers }).filter(
        (entry): entry is [string, string] => entry[1] !== null,
      );
      const answer = await fetch(new URL(path, url), {
        method,
        redirect: "manual",
        headers: {
          ...(cookies.size === 0 ? {} : { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...Object.fromEntries(sent),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      for (const line of answer.headers.getSetCookie()) keep(line);
      const text = await answer.text();
      const isJson = /json/.test(answer.headers.get("content-type") ?? "");
      return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
    },
  };
}
