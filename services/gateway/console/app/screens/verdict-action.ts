/** The next safe action of a verdict, as a button, with its outcome beside it. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { DeadLetter } from "../../../../contracts/dead-letters.ts";
import type { TracedWrite, TraceVerdict } from "../../../../contracts/trace.ts";
import { html } from "../core/html.ts";
import { useIntent } from "../core/intent.ts";
import { usePass } from "../core/passes.ts";
import { useMay } from "../core/session.ts";
import { speak } from "../core/speech.ts";
import { Confirm } from "../parts/confirm.ts";
import { Course } from "../parts/course.ts";
import { shortId } from "../parts/links.ts";
import { PassOutcome } from "../parts/pass.ts";
import { Refused } from "../parts/states.ts";

interface ActionProps {
  readonly verdict: TraceVerdict;
  readonly write: TracedWrite | undefined;
  readonly onDone: () => void;
}

function Replay({ id, onDone }: { readonly id: string; readonly onDone: () => void }): VNode {
  const intent = useIntent<DeadLetter>();
  const mayWrite = useMay("letters:write");
  const send = async (): Promise<void> => {
    if ((await intent.send(`/dead-letters/${id}/replay`, { method: "POST" })) === undefined) return;
    speak("Replayed");
    onDone();
  };
  if (!mayWrite) return html`<${Refused} what="Replaying its dead letter" scope="letters:write" />`;
  return html`<p class="actions"><button type="button" class="primary" disabled=${intent.state === "sending"} onClick=${() => void send()}>Replay letter ${shortId(id)}</button></p>
    <${Course} of=${intent} done="It is in its queue again. What becomes of it shows below; one that fails again is back here." />`;
}

function Settle({
  kind,
  userId,
  onDone,
}: {
  readonly kind: "repair" | "acknowledge";
  readonly userId: string;
  readonly onDone: () => void;
}): VNode {
  const pass = usePass(onDone);
  const mayWrite = useMay("reconciliation:write");
  const [isAsking, setAsking] = useState(false);
  if (!mayWrite)
    return html`<${Refused} what=${kind === "repair" ? "Repairing the user" : "Acknowledging it"} scope="reconciliation:write" />`;
  const act = (reason: string): void => {
    if (kind === "repair") void pass.repair([userId]);
    else void pass.acknowledge([userId], "audit_missing", reason);
  };
  return html`<p class="actions"><button type="button" class="primary" onClick=${() => setAsking(true)}>${kind === "repair" ? "Repair 1 user…" : "Acknowledge 1 difference…"}</button></p>
    <${PassOutcome} of=${pass} />
    ${
      isAsking && kind === "repair"
        ? html`<${Confirm} title="Repair the user" act="Repair 1 user" onClose=${() => setAsking(false)} onAct=${act}>
            <p>The user's state is told again under a newer version, and registry and audit log follow. Right from here on: what was between is not told again.</p>
          </${Confirm}>`
        : null
    }
    ${
      isAsking && kind === "acknowledge"
        ? html`<${Confirm} title="Acknowledge the difference" act="Acknowledge 1 difference" reason="needed" typed="1" isFinal onClose=${() => setAsking(false)} onAct=${act}>
            <p>Nothing can put the entry into the audit log any more. Acknowledged, it is counted nowhere else, and its reason stays.</p>
          </${Confirm}>`
        : null
    }`;
}

export function VerdictAction({ verdict, write, onDone }: ActionProps): VNode | null {
  const { action, next } = verdict;
  const letterId = write?.consumers.find(({ consumer }) => consumer === verdict.at)?.letter?.id;
  const userId = write?.transaction?.userId;
  if (action === "none") return null;
  if (action === "replay" && letterId !== undefined)
    return html`<p>Mend the cause, then replay it: a replay is harmless at any time.</p><${Replay} id=${letterId} onDone=${onDone} />`;
  if ((action === "repair" || action === "acknowledge") && userId !== undefined)
    return html`<${Settle} kind=${action} userId=${userId} onDone=${onDone} />`;
  return html`<p><strong>Next:</strong> ${next}.</p>`;
}
