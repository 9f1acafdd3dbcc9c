/** In which domains addresses may be taken. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { AcceptedDomain, DomainPage } from "../../../../contracts/domains.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { hrefOf, queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { Pager } from "../parts/pager.ts";
import { Empty, ForScope, Loaded } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";

const fixed: readonly Column<AcceptedDomain>[] = [
  {
    name: "Domain",
    cell: ({ name, domain }) =>
      html`<a href=${hrefOf("users", "", { domain })}>${name}</a>${name === domain ? null : html` <code>${domain}</code>`}`,
  },
  { name: "Declared", cell: ({ declaredAt }) => html`<${Moment} at=${declaredAt} />` },
  { name: "By", cell: ({ declaredBy }) => declaredBy },
];

interface WriteProps {
  readonly isFirst: boolean;
  readonly removed: AcceptedDomain | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function Writes({ isFirst, removed, onClose, onDone }: WriteProps): VNode {
  const intent = useIntent<AcceptedDomain | undefined>();
  const [text, setText] = useState("");
  const [isAsking, setAsking] = useState(false);
  const send = async (method: "PUT" | "DELETE", domain: string): Promise<void> => {
    if ((await intent.send(`/domains/${encodeURIComponent(domain)}`, { method })) === undefined) return;
    speak("Done");
    setText("");
    onDone();
  };
  const domain = text.trim();
  const submit = (event: Event): void => {
    event.preventDefault();
    if (domain === "") return;
    if (isFirst) setAsking(true);
    else void send("PUT", domain);
  };
  return html`<form class="filters" onSubmit=${submit}>
      <label>A further domain
        <input value=${text} autocomplete="off" spellcheck=${false} placeholder="example.com" onInput=${(event: InputEvent) => setText((event.target as HTMLInputElement).value)} />
      </label>
      <button type="submit">Declare 1 domain</button>
    </form>
    <${Course} of=${intent} done="Done; every process knows it within 5 s." />
    ${
      isAsking
        ? html`<${Confirm} title="Declare the first domain" act="Declare 1 domain" onClose=${() => setAsking(false)} onAct=${() => void send("PUT", domain)}>
            <p><strong>From then on a new address in any other domain than <code>${domain}</code> is refused.</strong> Addresses that exist stay.</p>
          </${Confirm}>`
        : null
    }
    ${
      removed === undefined
        ? null
        : html`<${Confirm} title="Take a domain back" act="Take 1 domain back" typed=${removed.name} isFinal onClose=${onClose} onAct=${() => void send("DELETE", removed.domain)}>
            <p>No new address in it is taken any more. It is refused while addresses of living users are in it. Once the last domain is gone, addresses are taken in any domain again.</p>
          </${Confirm}>`
    }`;
}

export function Domains(): VNode {
  const { query } = useHere();
  const mayRead = useMay("domains:read");
  const mayWrite = useMay("domains:write");
  const [removed, setRemoved] = useState<AcceptedDomain | undefined>(undefined);
  const page = useResource<DomainPage>(
    mayRead ? `/domains${queryText({ cursor: query.cursor })}` : undefined,
  );
  const isFirst = page.data?.items.length === 0;
  const columns: readonly Column<AcceptedDomain>[] = [
    ...fixed,
    ...(mayWrite
      ? [
          {
            name: "Actions",
            cell: (row: AcceptedDomain) =>
              html`<button type="button" class="small" onClick=${() => setRemoved(row)}>Take back…<span class="unseen"> ${row.name}</span></button>`,
          },
        ]
      : []),
  ];
  return html`<${Page} title="Domains" heading="Accepted domains">
    <${ForScope} scope="domains:read" what="Looking at domains">
      <${ForScope} scope="domains:write" what="Declaring a domain">
        <${Writes} isFirst=${isFirst} removed=${removed} onClose=${() => setRemoved(undefined)} onDone=${page.refresh} />
      </${ForScope}>
      <${Loaded} of=${page} what="domains">${(data: DomainPage) =>
        data.items.length === 0
          ? html`<${Empty} title="No domain is declared">Addresses are taken in any domain.</${Empty}>`
          : html`<${Table} caption="Accepted domains" columns=${columns} rows=${data.items} keyOf=${({ domain }: AcceptedDomain) => domain} />
            <${Pager} next=${data.nextCursor} />`}
      </${Loaded}>
    </${ForScope}>
  </${Page}>`;
}
