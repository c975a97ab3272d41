/* Scanner: more than 8 characters, nearly all with less than 30 ms between them, are a scan, whatever field has the
   focus. A busy machine or line may hold a scanner up for a moment; nobody's hands type that fast around a pause.
   The field gets its former value back; the text goes to the [data-scan] box, whose form is sent. */
import { $, say } from "./dom.js";

const GAP = 30, LEAST = 9, SILENCE = 150, HELD_UP = 1 / 8;
const NOTHING = { text: "", at: -SILENCE, held: 0, el: null, before: "", timer: 0 };
let burst = { ...NOTHING };
const isScan = () => burst.text.length >= LEAST && burst.held <= Math.max(1, burst.text.length * HELD_UP);
export const onScanKey = (e) => {
  const box = $("[data-scan]");
  if (!box || e.ctrlKey || e.metaKey || e.isComposing) return;
  const gap = e.timeStamp - burst.at; /* since the key before was pressed, not since a busy page came to it */
  if (e.key.length === 1 && !e.repeat) {
    clearTimeout(burst.timer);
    if (gap >= SILENCE) burst = { ...NOTHING, el: e.target, before: e.target.value };
    else if (gap >= GAP) burst.held += 1;
    burst.text += e.key;
    burst.at = e.timeStamp;
    if (isScan() && !e.target.matches?.("textarea")) burst.timer = setTimeout(() => scanned(box), SILENCE);
  } else if ((e.key === "Enter" || e.key === "Tab") && gap < SILENCE && isScan()) {
    e.preventDefault();
    e.stopImmediatePropagation();
    scanned(box);
  } else if (e.key !== "Shift" && e.key !== "Alt" && e.key !== "AltGraph") burst.at = -SILENCE;
};
const scanned = (box) => {
  const { text, el, before, timer } = burst;
  clearTimeout(timer);
  burst = { ...NOTHING };
  if (el && el !== box && "value" in el && before !== undefined) {
    el.value = before;
    el.dispatchEvent(new Event("input", { bubbles: true }));
  }
  /* In the box itself the field's own text is truer than the key names (an input method may have composed it) */
  const own = el === box && before && box.value.startsWith(before) ? box.value.slice(before.length) : box.value;
  box.value = el === box && own.length >= text.length ? own : text; /* what stood in the box before is not part of it */
  box.focus();
  say(`Đã quét ${box.value.length} ký tự`);
  box.dispatchEvent(new CustomEvent("his:scan", { bubbles: true, detail: { text: box.value } }));
  box.form?.requestSubmit();
};
