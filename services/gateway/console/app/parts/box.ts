/** The one box: an address, a name, or any id leads to its page. */
import type { RefObject, VNode } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { html } from "../core/html.ts";
import { go, useHere } from "../core/router.ts";
import { hrefOf } from "../core/routes.ts";
import { typedAs } from "../core/typed.ts";

/** undefined: nothing to go to. */
function hrefFor(text: string): string | undefined {
  const typed = typedAs(text);
  switch (typed.kind) {
    case "nothing":
    case "secret":
      return undefined;
    case "address":
      return hrefOf("address", typed.text);
    case "domain":
      return hrefOf("users", "", { domain: typed.text });
    case "name":
      return hrefOf("users", "", { q: typed.text });
    case "uuid":
    case "word":
      return hrefOf("find", "", { q: typed.text });
  }
}

interface BoxProps {
  readonly isLarge?: boolean;
  readonly input?: RefObject<HTMLInputElement>;
}

export function Box({ isLarge, input }: BoxProps): VNode {
  const { page } = useHere();
  const [text, setText] = useState("");
  const [warning, setWarning] = useState("");
  const id = useId();
  useEffect(() => {
    setText("");
    setWarning("");
  }, [page]);
  const submit = (event: Event): void => {
    event.preventDefault();
    const href = hrefFor(text);
    if (typedAs(text).kind === "secret") {
      setText("");
      setWarning("That looks like an access key. It was sent nowhere, and it belongs into no search.");
    } else if (href !== undefined) go(href);
  };
  return html`<form role="search" class=${isLarge ? "box large" : "box"} onSubmit=${submit}>
    <label for=${id} class=${isLarge ? "" : "unseen"}>${isLarge ? "An address, a name, or any id" : "Find"}</label>
    <span class="row">
      <input id=${id} ref=${input} type="search" autocomplete="off" autocapitalize="none" spellcheck=${false} maxLength=${300}
        placeholder=${isLarge ? "ann.lee@example.com" : "Address, name, id"}
        value=${text} onInput=${(event: InputEvent) => setText((event.target as HTMLInputElement).value)} />
      <button type="submit" class="primary">Find</button>
    </span>
    ${warning === "" ? null : html`<p class="note warn" role="alert">${warning}</p>`}
  </form>`;
}
