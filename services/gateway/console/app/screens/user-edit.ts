/**
 * Changes a user's fields.
 *
 * Promise: what is saved is the difference that is shown, on top of the version that is shown; when somebody was faster,
 * theirs stands beside yours, and nothing is overwritten unseen.
 */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { AuditEntry, AuditPage } from "../../../../contracts/audit.ts";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import { ask, asProblem, type ProblemAnswer } from "../core/api.ts";
import { differenceOf, type EditedName, type Edits, editedNames, patchOf, theirsOf } from "../core/edits.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { useResource } from "../core/resource.ts";
import { queryText } from "../core/routes.ts";
import { useMay } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { Course } from "../parts/course.ts";
import { By } from "../parts/entries.ts";
import { RequestLink } from "../parts/links.ts";
import { Moment } from "../parts/moment.ts";
import { FaultNote } from "../parts/states.ts";
import { Changes, valueText } from "../parts/values.ts";
import type { Conditional } from "./user-addresses.ts";

const labels: Readonly<Record<EditedName, string>> = {
  displayName: "Name",
  externalId: "External id",
  userName: "User name",
  active: "In use",
};

/** Among so many the version is that another has just made. */
const newestEntries = 10;
const entryWaitMs = 1_000;

interface Base {
  readonly user: ListedUser;
  readonly etag: string | null;
}

function Theirs({ base, theirs, edits }: { base: ListedUser; theirs: ListedUser; edits: Edits }): VNode {
  return html`<table>
    <caption>Somebody was faster: version ${theirs.version}</caption>
    <thead><tr><th scope="col">Field</th><th scope="col">Was</th><th scope="col">Theirs</th><th scope="col">Yours</th></tr></thead>
    <tbody>
      ${theirsOf(base, theirs, edits).map(
        ({ field, was, now, yours }) =>
          html`<tr><th scope="row">${field}</th><td data-name="Was">${valueText(was)}</td><td data-name="Theirs">${valueText(now)}</td><td data-name="Yours">${yours === undefined ? html`<span class="quiet">as theirs</span>` : valueText(yours)}</td></tr>`,
      )}
    </tbody>
  </table>`;
}

/** Once the audit log has it, to whoever may read it. */
function MadeBy({ userId, version }: { readonly userId: string; readonly version: number }): VNode | null {
  const mayAudit = useMay("audit:read");
  const entryOf = (page: AuditPage | undefined): AuditEntry | undefined =>
    page?.items.find((entry) => entry.version === version);
  const newest = useResource<AuditPage>(
    mayAudit ? `/audit${queryText({ userId, order: "desc", limit: newestEntries })}` : undefined,
    (page) => (entryOf(page) === undefined ? entryWaitMs : undefined),
    version,
  );
  const entry = entryOf(newest.data);
  if (entry === undefined) return null;
  return html`<p>Version ${version} was made by <strong><${By} of=${entry} /></strong> <${Moment} at=${entry.at} />, request <${RequestLink} id=${entry.correlationId} /></p>`;
}

export function EditUser({
  user,
  etag,
  onDone,
  onClose,
}: Conditional & { readonly onClose: () => void }): VNode {
  const [base, setBase] = useState<Base>({ user, etag });
  const [edits, setEdits] = useState<Edits>({});
  const [theirs, setTheirs] = useState<Base | undefined>(undefined);
  const [lookFault, setLookFault] = useState<ProblemAnswer | undefined>(undefined);
  const intent = useIntent<ListedUser>();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector("input")?.focus(), []);
  const difference = differenceOf(base.user, edits);
  const value = (name: EditedName): string | boolean => edits[name] ?? base.user[name] ?? "";
  const isBusy = intent.state === "sending" || intent.state === "waiting";

  const save = async (on: Base): Promise<void> => {
    const path = `/users/${user.id}`;
    const answer = await intent.send(path, {
      method: "PATCH",
      body: patchOf(on.user, edits),
      ifMatch: on.etag,
    });
    if (answer === undefined) return;
    setBase({ user: answer.data, etag: answer.etag });
    setEdits({});
    setTheirs(undefined);
    speak("Saved");
    onDone();
  };
  const lookAtTheirs = async (): Promise<void> => {
    setLookFault(undefined);
    setTheirs(undefined);
    try {
      const { data, etag: newer } = await ask<ListedUser>(`/users/${user.id}?deleted=include`);
      setTheirs({ user: data, etag: newer });
    } catch (error) {
      setLookFault(asProblem(error));
    }
  };
  const { problem } = intent;
  const isClash = theirs !== undefined || problem?.status === 412;
  useEffect(() => {
    // Each refusal anew: a third one may have been faster than both.
    if (problem?.status !== 412) return;
    void lookAtTheirs();
    // The page around tells what it is now, too.
    onDone();
  }, [problem]);
  useEffect(() => {
    // Whoever has typed nothing yet begins at what is shown; an address that was added on this page is nobody else's doing.
    if (Object.keys(edits).length === 0) setBase({ user, etag });
  }, [etag]);
  const takeTheirs = (): void => {
    if (theirs !== undefined) setBase(theirs);
    setTheirs(undefined);
    setEdits({});
    intent.reset();
    onDone();
  };
  const put = (name: EditedName, text: string | boolean): void => {
    setEdits({ ...edits, [name]: text });
  };
  return html`<form class="fields" ref=${form} onSubmit=${(event: Event) => {
    event.preventDefault();
    if (difference.length > 0 && !isClash) void save(base);
  }}>
    ${editedNames.map((name) =>
      name === "active"
        ? html`<label class="choice"><input type="checkbox" checked=${value(name) === true} onChange=${() => put(name, value(name) !== true)} /> ${labels[name]} <span class="quiet">(the user and the addresses stay either way)</span></label>`
        : html`<label>${labels[name]}<input value=${value(name)} required=${name === "displayName"} autocomplete="off" spellcheck=${false} onInput=${(event: InputEvent) => put(name, (event.target as HTMLInputElement).value)} /></label>`,
    )}
    ${difference.length === 0 ? html`<p class="quiet">Nothing is changed yet.</p>` : html`<p>You change:</p><${Changes} of=${difference} />`}
    <${Course} of=${intent} done=${`Saved as version ${base.user.version}.`} />
    ${lookFault === undefined ? null : html`<${FaultNote} problem=${lookFault} again=${() => void lookAtTheirs()} />`}
    ${
      theirs === undefined
        ? null
        : html`<${Theirs} base=${base.user} theirs=${theirs.user} edits=${edits} />
          <${MadeBy} userId=${user.id} version=${theirs.user.version} />
          <p class="actions"><button type="button" onClick=${takeTheirs}>Take theirs</button>
          ${differenceOf(theirs.user, edits).length === 0 ? html`<span class="quiet">They want what you want.</span>` : html`<button type="button" class="primary" disabled=${isBusy} onClick=${() => void save(theirs)}>Write yours over version ${theirs.user.version}</button>`}</p>`
    }
    <p class="actions">
      <button type="button" onClick=${onClose}>Close</button>
      ${isClash ? null : html`<button type="submit" class="primary" disabled=${difference.length === 0 || isBusy}>Save ${difference.length} ${difference.length === 1 ? "change" : "changes"}</button>`}
    </p>
  </form>`;
}
