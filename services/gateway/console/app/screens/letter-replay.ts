/**
 * Mends a cause: one letter is replayed first, and once it has got through, the rest.
 *
 * Promise: the rest is a set that no longer grows: what failed before a moment, at most so many; how far it is and how
 * many came back stays on the page, and in its URL.
 */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { DeadLetter, DeadLetterCause } from "../../../../contracts/dead-letters.ts";
import type { LetterReplay } from "../../../../contracts/replays.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { useResource } from "../core/resource.ts";
import { filterBy, useHere } from "../core/router.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { RequestLink } from "../parts/links.ts";
import { Mark } from "../parts/mark.ts";
import { Moment } from "../parts/moment.ts";
import { ForScope, Loaded } from "../parts/states.ts";

const replaysMax = 10_000;
const watchMs = 1_000;
/** Letters come back after their retries, which takes a while. */
const afterwardsMs = 5_000;
const afterwardsLooksMs = 120_000;

function replayRhythm(replay: LetterReplay | undefined): number | undefined {
  if (replay === undefined || replay.status === "running") return watchMs;
  const endedMs = replay.endedAt === null ? 0 : Date.parse(replay.endedAt);
  return Date.now() - endedMs < afterwardsLooksMs ? afterwardsMs : undefined;
}

function Progress({ id, onDone }: { readonly id: string; readonly onDone: () => void }): VNode {
  const replay = useResource<LetterReplay>(`/dead-letters/replays/${encodeURIComponent(id)}`, replayRhythm);
  const status = replay.data?.status;
  const cameBack = replay.data?.cameBack ?? 0;
  useEffect(() => {
    if (status === undefined || status === "running") return;
    speak(`Replay ${status}`);
    onDone();
  }, [status, cameBack]);
  return html`<${Loaded} of=${replay} what="the replay">${(data: LetterReplay) => {
    const { letters, replayed, cameBack, startedBy, startedAt, correlationId, error } = data;
    return html`<section class="verdict" aria-label="Replay of the cause">
      <p class="when"><${Mark} state=${data.status} word=${`replay ${data.status}`} /></p>
      <p class="says">${replayed} of ${letters} sent · ${cameBack} came back</p>
      <progress max=${Math.max(1, letters)} value=${replayed} aria-label="Letters sent"></progress>
      ${error === null ? null : html`<p>${error}</p>`}
      <p class="quiet">Begun by ${startedBy} <${Moment} at=${startedAt} /> · <${RequestLink} id=${correlationId} /></p>
    </section>`;
  }}</${Loaded}>`;
}

interface FirstProps {
  /** undefined: none is left. */
  readonly letterId: string | undefined;
  readonly onThrough: () => void;
}

/**
 * One letter before all others: whether the cause is mended shows at it. What became of it stays when it was the only
 * one.
 */
function First({ letterId, onThrough }: FirstProps): VNode {
  const intent = useIntent<DeadLetter>();
  const send = async (of: string): Promise<void> => {
    if ((await intent.send(`/dead-letters/${of}/replay`, { method: "POST" })) === undefined) return;
    speak("Replayed 1 letter");
    onThrough();
  };
  const id = intent.answer?.data.correlationId;
  return html`${
    letterId === undefined
      ? null
      : html`<p class="actions"><button type="button" class=${intent.state === "done" ? "" : "primary"} disabled=${intent.state === "sending"} onClick=${() => void send(letterId)}>Replay 1 letter ${intent.state === "done" ? "more" : "first"}</button></p>`
  }
    <${Course} of=${intent} done=${html`It is in its queue again. Its request tells whether it got through: <${RequestLink} id=${id} />`} />`;
}

interface MendProps {
  readonly cause: string;
  readonly of: DeadLetterCause | undefined;
  readonly onDone: () => void;
}

export function MendCause({ cause, of, onDone }: MendProps): VNode {
  const { query } = useHere();
  const intent = useIntent<LetterReplay>();
  const [isTried, setTried] = useState(false);
  /** What is pending when it is asked for: no later letter joins. */
  const [frozen, setFrozen] = useState<{ readonly count: number; readonly before: string } | undefined>(
    undefined,
  );
  const begin = async (failedBefore: string): Promise<void> => {
    const body = { cause, failedBefore, max: replaysMax };
    const answer = await intent.send("/dead-letters/replays", { method: "POST", body });
    if (answer !== undefined) filterBy({ replay: answer.data.id }, true);
  };
  const count = Math.min(of?.letters ?? 0, replaysMax);
  return html`<${ForScope} scope="letters:write" what="Replaying letters">
    ${query.replay === undefined ? null : html`<${Progress} id=${query.replay} onDone=${onDone} />`}
    <${First} letterId=${of?.exampleId} onThrough=${() => {
      setTried(true);
      onDone();
    }} />
    ${
      of === undefined
        ? null
        : html`<p class="actions">
        <button type="button" class=${isTried ? "primary" : ""} onClick=${() => setFrozen({ count, before: new Date(Date.parse(of.lastFailedAt) + 1).toISOString() })}>Replay ${isTried ? "the rest" : `all ${count}`}…</button>
        <span class="quiet">Consumers ignore what they have had, so a replay is harmless at any time.</span>
      </p>`
    }
    ${intent.state === "done" ? null : html`<${Course} of=${intent} done="" />`}
    ${
      frozen === undefined || of === undefined
        ? null
        : html`<${Confirm} title="Replay a cause" act=${`Replay ${frozen.count} ${frozen.count === 1 ? "letter" : "letters"}`} onClose=${() => setFrozen(undefined)} onAct=${() => void begin(frozen.before)}>
            <p>${frozen.count} pending, the oldest first failed <${Moment} at=${of.firstFailedAt} />, the newest last failed <${Moment} at=${of.lastFailedAt} />. Letters that fail after that are not replayed.</p>
            ${isTried ? null : html`<p class="note warn"><span aria-hidden="true">▲</span> No letter of it was tried on this page yet. Is the cause mended?</p>`}
          </${Confirm}>`
    }
  </${ForScope}>`;
}
