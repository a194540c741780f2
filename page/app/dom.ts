/** The element of the page with this id. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}`);
  return found as unknown as T;
}

/** A new element with properties and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> & Readonly<Record<`aria-${string}`, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-")) element.setAttribute(name, String(value));
    else Reflect.set(element, name, value);
  }
  element.append(...children);
  return element;
}

/** Sets the text where it is another: what does not change is not announced again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

let tip = 0;

/** Says something to whoever does not look at the page. */
export function say(text: string): void {
  setText(byId("live"), text);
}

/** Shows what went wrong, for as long as it takes to read. */
export function complain(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const toast = byId("toast");
  const close = el("button", { type: "button", "aria-label": "Close this message" }, "×");
  close.addEventListener("click", () => toast.replaceChildren());
  toast.replaceChildren(el("p", {}, text), close);
  clearTimeout(tip);
  tip = setTimeout(() => toast.replaceChildren(), 10_000 + 60 * text.length);
}

/** Does something that may fail for reasons of the user's or the machine's. */
export function attempt(work: () => Promise<unknown>): void {
  work().catch(complain);
}

/** Asks before something is lost. */
export async function isSure(question: string, yes: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("sure");
  setText(byId("sure-text"), question);
  setText(byId("sure-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  return dialog.returnValue === "yes";
}
