/* Keys. The map is in the page; nothing here gives a key a meaning of its own */
import { $, $$, alertNow, scope, target, visible } from "./dom.js";
import { open } from "./dialogs.js";
import { addRow, gridKey, removeRow } from "./grid.js";
import { arrows, enter } from "./moves.js";
import { pressAhead } from "./slow_answers.js";

const keymap = () => JSON.parse($("#keymap")?.textContent || "[]");
const combo = (e) => [e.ctrlKey && "Ctrl", e.altKey && "Alt", e.shiftKey && "Shift", e.key].filter(Boolean).join("+");
let keys = [];
export const readKeys = () => { keys = keymap(); };

const act = (key, e) => {
  if (key.action === "save" && scope() === document && saveOwn(e.target)) { e.preventDefault(); return; }
  const el = target(key.action);
  if (el) {
    e.preventDefault();
    if (el.matches("input:not([type=button],[type=submit]), select, textarea, [data-list]")) {
      (el.matches("[data-list]") ? $("[aria-current]", el) || $("a, button", el) || el : el).focus();
      el.select?.();
    } else { pressAhead(el, key.action); }
    return;
  }
  if (key.action === "help" && open($("#help"))) { e.preventDefault(); return; }
  if (key.action === "save" && submitNearest(e.target)) { e.preventDefault(); return; }
  if (key.action === "refresh" && scope() === document) return; /* the browser reloads the page */
  e.preventDefault();
  alertNow(`${combo(e)}: màn hình này không có việc “${key.label_vi}”`);
};
/* A small form beside the main one saves itself: `data-own-save`, its first button */
const saveOwn = (el) => {
  const button = $("button:not([type=button])", el.closest?.("form[data-own-save]") || document.createElement("form"));
  button?.click();
  return Boolean(button);
};
const submitNearest = (el) => {
  const form = el.closest?.("form") || $("form[data-main]");
  if (!form) return false;
  form.requestSubmit();
  return true;
};
export const onKey = (e) => {
  if (e.isComposing || e.defaultPrevented) return;
  if (document.body.dataset.desk !== undefined && document.body.dataset.fkeys !== "off") {
    const key = keys.find((k) => k.keys.includes(combo(e)));
    if (key) { if (!e.repeat) act(key, e); else e.preventDefault(); return; }
  }
  if (e.altKey && !e.ctrlKey && !e.metaKey && /^Key[A-Z]$/.test(e.code)) {
    const el = $$(`[data-key="${e.code[3].toLowerCase()}"]`, scope()).find(visible);
    if (el) { e.preventDefault(); el.focus(); el.click(); }
    return;
  }
  if (e.key === "Enter" && !e.ctrlKey && !e.altKey) return enter(e);
  if (e.key === "ArrowDown" || e.key === "ArrowUp") return arrows(e);
  if (e.ctrlKey && e.key === "Insert") return gridKey(e, addRow);
  if (e.ctrlKey && e.key === "Delete") return gridKey(e, removeRow);
};
