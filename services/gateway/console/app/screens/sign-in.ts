/** Signing in: at an identity provider, or with an access key where there is none. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { SignInFault } from "../../../../contracts/session.ts";
import { asProblem, type ProblemAnswer } from "../core/api.ts";
import { html } from "../core/html.ts";
import { filterBy, go, useHere } from "../core/router.ts";
import { hrefOf, queryText } from "../core/routes.ts";
import { type Session, signInByKey, signInByProvider } from "../core/session.ts";
import { Page } from "../parts/page.ts";
import { FaultNote } from "../parts/states.ts";

/** Of the way back from the identity provider (`?sign-in=`): what happened, and what to do. */
const faults: Readonly<Record<SignInFault, readonly [string, string]>> = {
  refused: [
    "You have not signed in.",
    "The identity provider said no, it took longer than ten minutes, or it was begun in another browser. Sign in once more.",
  ],
  "no-role": [
    "You have no role here.",
    "The identity provider knows you, and none of your groups has a role in mailroster. Ask whoever looks after its roles (OIDC_ROLES_FILE).",
  ],
  unavailable: [
    "The identity provider does not answer.",
    "Try again in a moment, or sign in with an access key. In an emergency, whoever reaches the users database makes one: npm run key -- create --break-glass",
  ],
};
const isFault = (text: string): text is SignInFault => Object.hasOwn(faults, text);

function CameBack(): VNode | null {
  const { query } = useHere();
  const fault = query["sign-in"] ?? "";
  if (!isFault(fault)) return null;
  const [what, next] = faults[fault];
  return html`<div class="note bad" role="alert">
    <p class="strong"><span aria-hidden="true">✕</span> ${what}</p>
    <p>${next}</p>
  </div>`;
}

/** The page that somebody wants, without what became of an earlier try. */
function wantedPath(): string {
  const { pathname, search } = window.location;
  if (pathname === hrefOf("signIn")) return hrefOf("home");
  const { "sign-in": _, ...query } = Object.fromEntries(new URLSearchParams(search));
  return `${pathname}${queryText(query)}`;
}

function KeyForm({ onFault }: { readonly onFault: (problem: ProblemAnswer | undefined) => void }): VNode {
  const { screen } = useHere();
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (key.trim() === "") return;
    setBusy(true);
    try {
      await signInByKey(key.trim());
      if (screen === "signIn") go(hrefOf("home"), { replace: true });
      else filterBy({ "sign-in": undefined }, true);
    } catch (error) {
      onFault(asProblem(error));
    } finally {
      setKey("");
      setBusy(false);
    }
  };
  return html`<form onSubmit=${(event: Event) => void send(event)}>
    <label>Access key
      <input type="password" autocomplete="off" spellcheck=${false} value=${key} onInput=${(event: InputEvent) => setKey((event.target as HTMLInputElement).value)} />
    </label>
    <p class="quiet">It is kept in the session, sealed, and never in this browser's storage.</p>
    <p class="actions"><button type="submit" class="primary" disabled=${isBusy}>Sign in with the key</button></p>
  </form>`;
}

export function SignInPage({ of }: { readonly of: Session }): VNode {
  const [problem, setProblem] = useState<ProblemAnswer | undefined>(undefined);
  const providers = of.ways.filter((way) => way !== "key");
  const leave = async (way: string): Promise<void> => {
    try {
      window.location.assign(await signInByProvider(way, wantedPath()));
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return html`<main class="sign-in">
    <p class="brand">mailroster</p>
    <${Page} title="Sign in" />
    ${problem === undefined ? html`<${CameBack} />` : null}
    ${problem === undefined ? null : html`<${FaultNote} problem=${problem} />`}
    ${providers.map(
      (way) => html`<p><button type="button" class="primary" onClick=${() => void leave(way)}>
        Sign in with ${way === "oidc" ? "your account" : way}
      </button></p>`,
    )}
    ${of.ways.includes("key") ? html`<${KeyForm} onFault=${setProblem} />` : null}
    ${of.ways.length === 0 ? html`<p class="note bad"><span aria-hidden="true">✕</span> Nobody can sign in here: ${of.banner ?? "no way to do so is configured"}.</p>` : null}
  </main>`;
}
