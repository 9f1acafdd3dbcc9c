/**
 * Which screen shows a place. A screen is fetched when somebody goes there, so that the first one is there at once.
 *
 * Promise: a screen that can't be fetched says so: it is another release by now, or nobody answers.
 */
import type { FunctionComponent, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ProblemAnswer } from "../core/api.ts";
import { html } from "../core/html.ts";
import { hrefOf, type Place, type Screen, screens } from "../core/routes.ts";
import { may, useSession } from "../core/session.ts";
import { Page } from "../parts/page.ts";
import { FaultNote, Loading, Refused } from "../parts/states.ts";
import { Home } from "./home.ts";

type ScreenView = FunctionComponent<{ readonly id: string }>;

const fetched: Partial<Record<Screen, () => Promise<ScreenView>>> = {
  find: async () => (await import("./find.ts")).Find,
  address: async () => (await import("./address.ts")).AddressPage,
  users: async () => (await import("./users.ts")).Users,
  newUser: async () => (await import("./new-user.ts")).NewUser,
  user: async () => (await import("./user.ts")).UserScreen,
  trace: async () => (await import("./trace.ts")).TracePage,
  letters: async () => (await import("./letters.ts")).Letters,
  letter: async () => (await import("./letter.ts")).LetterPage,
  consistency: async () => (await import("./consistency.ts")).Consistency,
  system: async () => (await import("./system.ts")).System,
  audit: async () => (await import("./audit.ts")).Audit,
  activity: async () => (await import("./activity.ts")).Activity,
  domains: async () => (await import("./domains.ts")).Domains,
  keys: async () => (await import("./keys.ts")).Keys,
  import: async () => (await import("./import.ts")).Import,
  settings: async () => (await import("./settings.ts")).SettingsPage,
};

const Nowhere = (): VNode =>
  html`<${Page} title="Not found">
    <p>The console has no such page. <a href=${hrefOf("home")}>Begin at the first one</a>.</p>
  </${Page}>`;

const views = new Map<Screen, ScreenView>([["home", Home]]);

const notFetched = new ProblemAnswer(0, {
  title: "Cannot show this page",
  detail: "Its program could not be fetched: the gateway does not answer, or it is of another release by now",
});

interface FetchedProps {
  readonly screen: Screen;
  readonly id: string;
  readonly fetch: () => Promise<ScreenView>;
}

function Fetched({ screen, id, fetch }: FetchedProps): VNode {
  const [state, setState] = useState<"waiting" | "there" | "failed">(views.has(screen) ? "there" : "waiting");
  useEffect(() => {
    if (views.has(screen)) return;
    fetch().then(
      (view) => {
        views.set(screen, view);
        setState("there");
      },
      () => setState("failed"),
    );
  }, [screen]);
  const view = views.get(screen);
  if (view !== undefined) return html`<${view} id=${id} />`;
  if (state === "failed")
    return html`<${Page} title="Cannot show this page"><${FaultNote} problem=${notFetched} again=${() => window.location.reload()} /></${Page}>`;
  return html`<${Loading} what="the page" />`;
}

/** What a role has no right to is not even asked for. */
function Guarded({ screen, id }: { readonly screen: Screen; readonly id: string }): VNode {
  const { name, scope } = screens[screen];
  const session = useSession();
  if (scope !== "everybody" && !may(session, scope))
    return html`<${Page} title=${name}><${Refused} what="This page" scope=${scope} /></${Page}>`;
  if (screen === "home") return html`<${Home} />`;
  const fetch = fetched[screen];
  return fetch === undefined
    ? html`<${Nowhere} />`
    : html`<${Fetched} screen=${screen} id=${id} fetch=${fetch} />`;
}

export const screenOf = (screen: Place["screen"], id: string): VNode =>
  screen === "nowhere" ? html`<${Nowhere} />` : html`<${Guarded} key=${screen} screen=${screen} id=${id} />`;
