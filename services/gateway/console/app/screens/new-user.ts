/** Creates a user. A primary that is taken gets a number behind it; what was asked for and not given stays on the page. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { CreatedUser } from "../../../../contracts/actions.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { Course } from "../parts/course.ts";
import { Address, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Page } from "../parts/page.ts";
import { ForScope } from "../parts/states.ts";

const fields = [
  ["displayName", "Name", "The name that people see"],
  ["primarySmtp", "Primary address", "When it is taken, the user gets it with a number"],
  ["secondarySmtps", "Secondary addresses", "Separated by spaces or commas; one that is taken is refused"],
  ["externalId", "External id", "The user's id in the system that they come from, or nothing"],
  ["userName", "User name", "By which an identity provider knows the user, or nothing"],
] as const;
type Field = (typeof fields)[number][0];

function Made({ user }: { readonly user: CreatedUser }): VNode {
  const { id, displayName, primarySmtp, assignments = [] } = user;
  return html`<div>
    ${
      assignments.length === 0
        ? null
        : html`<div class="note warn">
            ${assignments.map(
              ({ requested, assigned, kind, reason }) =>
                html`<p><span aria-hidden="true">▲</span> <${Address} of=${requested} /> was not given as ${kind}, because it is <${Mark} state=${reason} />. Given was <strong><${Address} of=${assigned} /></strong>.</p>`,
            )}
          </div>`
    }
    <p>Created: <${UserLink} id=${id} name=${displayName} /> has <${Address} of=${primarySmtp} />.</p>
  </div>`;
}

export function NewUser(): VNode {
  const [texts, setTexts] = useState<Readonly<Partial<Record<Field, string>>>>({});
  const intent = useIntent<CreatedUser>();
  const text = (name: Field): string => (texts[name] ?? "").trim();
  const submit = (event: Event): void => {
    event.preventDefault();
    const secondarySmtps = text("secondarySmtps")
      .split(/[\s,;]+/)
      .filter(Boolean);
    const optional = (["externalId", "userName"] as const).flatMap((name) =>
      text(name) === "" ? [] : [[name, text(name)]],
    );
    const body = {
      displayName: text("displayName"),
      primarySmtp: text("primarySmtp"),
      ...(secondarySmtps.length === 0 ? {} : { secondarySmtps }),
      ...Object.fromEntries(optional),
    };
    void intent.send("/users", { method: "POST", body }).then((answer) => {
      if (answer !== undefined) setTexts({});
    });
  };
  const isBusy = intent.state === "sending" || intent.state === "waiting";
  const made = intent.answer?.data;
  return html`<${Page} title="Create a user">
    <${ForScope} scope="users:write" what="Creating a user">
      <${Course} of=${intent} done=${made === undefined ? "" : html`<${Made} user=${made} />`} />
      <form class="fields" onSubmit=${submit}>
        ${fields.map(
          ([name, label, hint]) => html`<label>${label}
            <input name=${name} value=${texts[name] ?? ""} required=${name === "displayName" || name === "primarySmtp"} autocomplete="off" spellcheck=${false}
              onInput=${(event: InputEvent) => setTexts({ ...texts, [name]: (event.target as HTMLInputElement).value })} />
            <span class="quiet">${hint}</span>
          </label>`,
        )}
        <p class="actions"><button type="submit" class="primary" disabled=${isBusy}>Create user</button></p>
      </form>
    </${ForScope}>
  </${Page}>`;
}
