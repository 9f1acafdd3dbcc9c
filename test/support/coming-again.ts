/** Asking as a client does that is told to come again: what a busy machine can't do in time, it refuses with 503. */
import { eventually } from "./eventually.ts";

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body?: unknown;
  readonly text?: string;
}

/** The first answer that is no 503 with Retry-After. */
export const comingAgain = <A extends Answered>(ask: () => Promise<A>): Promise<A> =>
  eventually(async () => {
    const answer = await ask();
    if (answer.status === 503 && answer.headers.has("retry-after"))
      throw new Error(`Cannot get another answer than 503: ${answer.text ?? JSON.stringify(answer.body)}`);
    return answer;
  });
