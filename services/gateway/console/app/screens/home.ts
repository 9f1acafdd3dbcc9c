/** The first page: a question, and what one may ask. */
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { Scope } from "../../../../contracts/access.ts";
import { html } from "../core/html.ts";
import { hrefOf, type Screen } from "../core/routes.ts";
import { may, useSession } from "../core/session.ts";
import { Box } from "../parts/box.ts";
import { Page } from "../parts/page.ts";

const questions: readonly {
  readonly scope: Scope;
  readonly asks: string;
  readonly how: string;
  readonly to?: Screen;
}[] = [
  {
    scope: "addresses:history",
    asks: "Who has an address, and who had it in March?",
    how: "Type the address.",
  },
  {
    scope: "users:search",
    asks: "Which addresses has a person?",
    how: "Type a part of the name.",
    to: "users",
  },
  {
    scope: "trace:read",
    asks: "What became of a request?",
    how: "Type its correlation id (X-Correlation-ID).",
  },
  {
    scope: "letters:read",
    asks: "What was given up, and is it mended?",
    how: "Dead letters, by their cause.",
    to: "letters",
  },
  {
    scope: "status:read",
    asks: "Where does it pile up?",
    how: "The way of an event, a number at each place.",
    to: "system",
  },
  {
    scope: "reconciliation:read",
    asks: "Do users, registry and audit log agree?",
    how: "Consistency.",
    to: "consistency",
  },
  { scope: "audit:read", asks: "Who changed what?", how: "The audit log.", to: "audit" },
];

export function Home(): VNode {
  const session = useSession();
  const box = useRef<HTMLInputElement>(null);
  return html`<${Page} title="Console" heading="What is this?" begin=${box}>
    <${Box} isLarge input=${box} />
    <dl class="questions">
      ${questions
        .filter(({ scope }) => may(session, scope))
        .map(
          ({ asks, how, to }) => html`<div>
            <dt>${to === undefined ? asks : html`<a href=${hrefOf(to)}>${asks}</a>`}</dt>
            <dd>${how}</dd>
          </div>`,
        )}
    </dl>
  </${Page}>`;
}
