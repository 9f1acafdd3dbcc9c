/** What was given up, by its cause: causes before letters. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type {
  DeadLetter,
  DeadLetterCause,
  DeadLetterCauses,
  DeadLetterPage,
} from "../../../../contracts/dead-letters.ts";
import { html } from "../core/html.ts";
import { useResource } from "../core/resource.ts";
import { useHere } from "../core/router.ts";
import { hrefOf, queryText } from "../core/routes.ts";
import { type Filter, Filters } from "../parts/filters.ts";
import { RequestLink, shortId, UserLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { Page } from "../parts/page.ts";
import { Pager } from "../parts/pager.ts";
import { Empty, ForScope, Loaded } from "../parts/states.ts";
import { type Column, Table } from "../parts/table.ts";
import { MendCause } from "./letter-replay.ts";

const letters = (count: number): string => `${count} ${count === 1 ? "letter" : "letters"}`;

const causeColumns: readonly Column<DeadLetterCause>[] = [
  {
    name: "Cause",
    cell: ({ cause, error, reason }) =>
      html`<a href=${hrefOf("letters", "", { cause })}>${error}</a><br /><span class="quiet">${reason}</span>`,
  },
  { name: "Pending", isNumber: true, cell: (row) => html`<strong>${row.letters}</strong>` },
  { name: "Queue", cell: ({ queue }) => html`<code>${queue}</code>` },
  { name: "Event", cell: ({ eventType }) => html`<code>${eventType}</code>` },
  { name: "First failed", cell: ({ firstFailedAt }) => html`<${Moment} at=${firstFailedAt} />` },
  { name: "Last failed", cell: ({ lastFailedAt }) => html`<${Moment} at=${lastFailedAt} />` },
];

const letterColumns: readonly Column<DeadLetter>[] = [
  {
    name: "Letter",
    cell: ({ id, status }) =>
      html`<a href=${hrefOf("letter", id)}><code>${shortId(id)}</code></a> <${Mark} state=${status} />`,
  },
  { name: "Error", cell: ({ error, reason }) => html`${error} <span class="quiet">${reason}</span>` },
  { name: "Event", cell: ({ eventType }) => html`<code>${eventType ?? "–"}</code>` },
  { name: "User", cell: ({ userId }) => html`<${UserLink} id=${userId} />` },
  { name: "Replays", isNumber: true, cell: ({ replays }) => replays },
  { name: "Last failed", cell: ({ lastFailedAt }) => html`<${Moment} at=${lastFailedAt} />` },
  { name: "Request", cell: ({ correlationId }) => html`<${RequestLink} id=${correlationId} />` },
];

const filters: readonly Filter[] = [
  {
    name: "status",
    label: "Which",
    choices: [
      ["", "pending"],
      ["replayed", "replayed"],
      ["discarded", "discarded"],
      ["all", "all"],
    ],
  },
  { name: "queue", label: "Queue" },
];

/** Beside an empty list of causes: whether anything was ever given up. */
function NothingPending(): VNode {
  const any = useResource<DeadLetterPage>(`/dead-letters${queryText({ status: "all", limit: 1 })}`);
  return html`<${Loaded} of=${any} what="earlier letters">${({ items }: DeadLetterPage) =>
    items.length === 0
      ? html`<${Empty} title="No event has been given up" />`
      : html`<${Empty} title="Nothing waits for anybody">Every event that was given up has been replayed or discarded.</${Empty}>`}
  </${Loaded}>`;
}

function Causes(): VNode {
  const causes = useResource<DeadLetterCauses>("/dead-letters/causes");
  return html`<${Loaded} of=${causes} what="causes">${({ items }: DeadLetterCauses) =>
    items.length === 0
      ? html`<${NothingPending} />`
      : html`<p>${letters(items.reduce((sum, each) => sum + each.letters, 0))} of ${items.length} ${items.length === 1 ? "cause" : "causes"} wait for somebody's decision.</p>
        <${Table} caption="Causes, the one that failed last first" columns=${causeColumns} rows=${items} keyOf=${({ cause }: DeadLetterCause) => cause} />`}
  </${Loaded}>`;
}

const known = ["cause", "queue", "status", "cursor"] as const;

interface ListProps {
  readonly title: string;
  /** Another one: look again. */
  readonly edition?: number;
}

function List({ title, edition }: ListProps): VNode {
  const { query } = useHere();
  /** The causes above have said so. */
  const isTold = known.every((name) => query[name] === undefined);
  const page = useResource<DeadLetterPage>(
    `/dead-letters${queryText(Object.fromEntries(known.map((name) => [name, query[name]])))}`,
    undefined,
    edition,
  );
  return html`<h2>${title}</h2>
    <${Filters} of=${filters} />
    <${Loaded} of=${page} what="letters">${(data: DeadLetterPage) =>
      data.items.length === 0
        ? isTold
          ? null
          : html`<${Empty} title="No letter fits">Only what nobody has decided on is shown, unless another status is chosen.</${Empty}>`
        : html`<${Table} caption="Dead letters, newest first" columns=${letterColumns} rows=${data.items} keyOf=${({ id }: DeadLetter) => id} />
          <${Pager} next=${data.nextCursor} />`}
    </${Loaded}>`;
}

function OfCause({ cause }: { readonly cause: string }): VNode {
  const causes = useResource<DeadLetterCauses>("/dead-letters/causes");
  const [edition, setEdition] = useState(0);
  const changed = (): void => {
    causes.refresh();
    setEdition((before) => before + 1);
  };
  return html`<p><a href=${hrefOf("letters")}>All causes</a></p>
    <${Loaded} of=${causes} what="the cause">${({ items }: DeadLetterCauses) => {
      const mine = items.find((each) => each.cause === cause);
      return html`${
        mine === undefined
          ? html`<${Empty} title="Nothing of this cause is pending">It has been replayed or discarded. <a href=${hrefOf("letters", "", { cause, status: "all" })}>All letters of this cause</a>, each with its request, which tells whether it got through.</${Empty}>`
          : html`<section class="verdict" aria-label="The cause">
              <p class="when"><${Mark} state="pending" word=${`${letters(mine.letters)} pending`} /> in <code>${mine.queue}</code></p>
              <p class="says">${mine.error}</p>
              <p class="quiet">${mine.reason} · from <${Moment} at=${mine.firstFailedAt} /> to <${Moment} at=${mine.lastFailedAt} /></p>
            </section>`
      }
      <${MendCause} cause=${cause} of=${mine} onDone=${changed} />`;
    }}</${Loaded}>
    <${List} title="Its letters" edition=${edition} />`;
}

export function Letters(): VNode {
  const { query } = useHere();
  const { cause } = query;
  return html`<${Page} title="Dead letters" heading=${cause === undefined ? "Dead letters" : "Dead letters of one cause"}>
    <${ForScope} scope="letters:read" what="Looking at dead letters">
      ${cause === undefined ? html`<${Causes} /><${List} title="Letters" />` : html`<${OfCause} key=${cause} cause=${cause} />`}
    </${ForScope}>
  </${Page}>`;
}
