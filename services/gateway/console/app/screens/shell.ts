/** What is around every page: who is signed in, the box, the ways to the other pages, what the live region says. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { html } from "../core/html.ts";
import { isOnline } from "../core/online.ts";
import { useHere } from "../core/router.ts";
import { hrefOf, type Place, type Screen, screens } from "../core/routes.ts";
import {
  hasEnded,
  lookAtSession,
  may,
  type Session,
  session,
  sessionFault,
  signOut,
} from "../core/session.ts";
import { spoken } from "../core/speech.ts";
import { useStore } from "../core/store.ts";
import { Box } from "../parts/box.ts";
import { FaultNote, Loading } from "../parts/states.ts";
import { screenOf } from "./pages.ts";
import { SignInPage } from "./sign-in.ts";

/** In the order of the menu. */
const ways = [
  "users",
  "import",
  "letters",
  "consistency",
  "system",
  "audit",
  "activity",
  "domains",
  "keys",
] as const satisfies readonly Screen[];

/** Pages that stand below one of the menu. */
const above: Partial<Record<Place["screen"], Screen>> = {
  newUser: "users",
  user: "users",
  address: "users",
  letter: "letters",
};

const currentOf = (way: Screen, screen: Place["screen"]): "page" | "true" | undefined => {
  if (way === screen) return "page";
  return above[screen] === way ? "true" : undefined;
};

async function leave(): Promise<void> {
  // The page goes to the provider's own sign-out; a form's redirect would be blocked by form-action.
  const url = await signOut().catch(() => undefined);
  window.location.assign(url ?? "/console/sign-in");
}

function Ways({ of }: { readonly of: Session }): VNode {
  const { screen, page } = useHere();
  const [openOn, setOpenOn] = useState(-1);
  const isOpen = openOn === page;
  return html`<nav class="ways" aria-label="Pages of the console">
    <button type="button" class="fold" aria-expanded=${isOpen} onClick=${() => setOpenOn(isOpen ? -1 : page)}>Menu</button>
    <ul class=${isOpen ? "open" : ""}>
      ${ways
        .filter((way) => may(of, screens[way].scope))
        .map(
          (way) => html`<li>
            <a href=${hrefOf(way)} aria-current=${currentOf(way, screen)}>${screens[way].name}</a>
          </li>`,
        )}
      <li class="end"><a href=${hrefOf("settings")} aria-current=${screen === "settings" ? "page" : undefined}>Settings</a></li>
    </ul>
  </nav>`;
}

function Ended(): VNode | null {
  if (!useStore(hasEnded)) return null;
  return html`<div class="note bad" role="alert">
    <p class="strong"><span aria-hidden="true">✕</span> Your session has ended. What is on this page stays.</p>
    <p class="actions">
      <a class="button" href=${hrefOf("signIn")} target="_blank" rel="opener">Sign in again in a new window</a>
      <button type="button" onClick=${() => void lookAtSession()}>I have signed in</button>
    </p>
  </div>`;
}

function Offline(): VNode | null {
  if (useStore(isOnline)) return null;
  return html`<p class="note warn" role="status"><span aria-hidden="true">◷</span> This device is offline. What is shown is from before; what is sent waits, under its key.</p>`;
}

function Who({ of }: { readonly of: Session }): VNode {
  return html`<span class="who">
    <span class="name">${of.name ?? "?"}</span>
    <span class="quiet">${of.roles.join(", ")}</span>
    ${of.via === "none" ? null : html`<button type="button" class="small" onClick=${() => void leave()}>Sign out</button>`}
  </span>`;
}

function Inside({ of }: { readonly of: Session }): VNode {
  const { screen, id } = useHere();
  return html`<a class="skip" href="#main">To the content</a>
    <header>
      <a class="brand" href=${hrefOf("home")}>mailroster</a>
      ${screen === "home" ? html`<span class="box"></span>` : html`<${Box} />`}
      <${Who} of=${of} />
      <${Ways} of=${of} />
      ${of.banner === null ? null : html`<p class="banner"><span aria-hidden="true">▲</span> ${of.banner}</p>`}
    </header>
    <main id="main" tabIndex=${-1} key=${`${screen} ${id}`}>
      <${Ended} />
      <${Offline} />
      ${screenOf(screen, id)}
    </main>`;
}

export function Shell(): VNode {
  const now = useStore(session);
  const fault = useStore(sessionFault);
  const text = useStore(spoken);
  const { screen } = useHere();
  const signsIn = now !== undefined && (!now.signedIn || screen === "signIn");
  return html`<div class="shell">
    ${
      now === undefined
        ? html`<main>${fault === undefined ? html`<${Loading} what="the console" />` : html`<${FaultNote} problem=${fault} again=${() => void lookAtSession()} />`}</main>`
        : signsIn
          ? html`<${SignInPage} of=${now} />`
          : html`<${Inside} of=${now} />`
    }
    <p class="unseen" role="status" aria-live="polite">${text}</p>
  </div>`;
}
