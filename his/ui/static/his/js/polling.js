/* Polling that rests: `data-poll="15"` fires his:poll while the page is seen, four times slower when nobody works */
import { $$ } from "./dom.js";

let lastWork = Date.now();
export const worked = () => { lastWork = Date.now(); };
const polled = new WeakMap();
export const poll = () => {
  if (document.visibilityState !== "visible") return;
  const slow = Date.now() - lastWork > 120000 ? 4 : 1;
  for (const el of $$("[data-poll]")) {
    if (!polled.has(el)) polled.set(el, Date.now());
    if (Date.now() - polled.get(el) < Number(el.dataset.poll) * 1000 * slow || el.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) continue;
    polled.set(el, Date.now());
    el.dispatchEvent(new CustomEvent("his:poll"));
  }
};
