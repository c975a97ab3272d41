/* One script, no framework: keys, scanner, focus, search-as-you-type, grids, drafts, printing, announcements.
   Everything is asked for by data- attributes (see his/ui/README.md); without script the forms still work.
   This file listens; what is done lies in js/, one subject in each file. */
import { $, $$, alertNow, focusIn, say } from "./js/dom.js";
import { ask, open } from "./js/dialogs.js";
import { forgetDraft, isUnsaved, readUnsaved, saveDraft, touched } from "./js/drafts.js";
import { freshen, giveChange, leaveChecks, tidy } from "./js/forms.js";
import { addRow, removeRow } from "./js/grid.js";
import { listenToHtmx } from "./js/htmx.js";
import { onKey, readKeys } from "./js/keys.js";
import { poll, worked } from "./js/polling.js";
import { printPdf } from "./js/printing.js";
import { onScanKey } from "./js/scanner.js";
import { giveHeld, holdLetters, noteTyping } from "./js/slow_answers.js";
import { choose, entered, hiddenOf, leave, look, onTypeaheadKey } from "./js/typeahead.js";

window.his = { say, alert: alertNow };
document.addEventListener("his:say", (e) => say(e.detail.text));
document.addEventListener("his:alert", (e) => alertNow(e.detail.text));

const onClick = (e) => {
  const el = e.target.closest("[data-open], [data-close], [data-print], [data-grid-add], [data-grid-remove], [role=option], button[data-confirm], a[data-confirm]");
  if (!el) return;
  if (el.dataset.open) open($(el.dataset.open));
  else if (el.dataset.close !== undefined) el.closest("dialog").close();
  else if (el.dataset.print) { e.preventDefault(); printPdf(el.dataset.print); }
  else if (el.dataset.gridAdd !== undefined) { e.preventDefault(); addRow(el.closest("[data-grid]") || $(el.dataset.gridAdd)); }
  else if (el.dataset.gridRemove !== undefined) { e.preventDefault(); removeRow(el); }
  else if (el.matches("[role=option]")) { const box = $(`[aria-controls="${el.parentElement.id}"]`); choose(box, el); box.focus(); }
  else if (el.dataset.confirm && !el.dataset.sure) {
    e.preventDefault();
    ask(el.dataset.confirm, () => { el.dataset.sure = "yes"; el.click(); delete el.dataset.sure; });
  }
};

const start = () => {
  readKeys();
  leaveChecks();
  const begun = document.activeElement; /* one may come to a field or link, and type, before the script is there: it keeps the focus */
  const isChosen = begun && begun !== document.body && !(begun.matches("[autofocus]") && begun.value === begun.defaultValue);
  if (!isChosen) focusIn(document);
  else if (begun.matches("[data-typeahead]") && begun.value !== begun.defaultValue) look(begun, 0);
  document.addEventListener("beforeinput", holdLetters, true);
  document.addEventListener("compositionstart", giveHeld); /* cannot be held */
  $$("[data-change-of]").forEach(giveChange);
  readUnsaved();
  document.addEventListener("keydown", onScanKey, true);
  document.addEventListener("keydown", onTypeaheadKey);
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("input", (e) => {
    touched(e);
    noteTyping(e.target);
    if (e.target.matches?.("[data-change-of], #id_amount")) $$("[data-change-of]").forEach(giveChange);
    if (e.target.matches?.("[data-typeahead]")) { hiddenOf(e.target).value = ""; e.target.removeAttribute("aria-invalid"); look(e.target); }
  });
  document.addEventListener("focusin", (e) => { if (e.target.matches?.("[data-typeahead]")) entered(e.target); });
  document.addEventListener("focusout", (e) => {
    if (!e.target.matches?.("input, select, textarea")) return;
    tidy(e.target);
    if (e.target.matches("[data-typeahead]")) setTimeout(() => leave(e.target), 150);
    const form = e.target.closest("form[data-draft]");
    if (form) saveDraft(form);
  });
  document.addEventListener("submit", (e) => { forgetDraft(e.target); freshen(e.target); }, true);
  document.addEventListener("keydown", worked, { passive: true });
  document.addEventListener("pointerdown", (e) => {
    worked();
    if (e.target.closest("[role=listbox]")) e.preventDefault(); /* the box keeps the focus */
  });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") $$("form[data-draft]").forEach(saveDraft); });
  addEventListener("beforeunload", (e) => { if ($$("form[data-draft]").some(isUnsaved)) e.preventDefault(); });
  setInterval(() => $$("form[data-draft]").forEach(saveDraft), 20000);
  setInterval(poll, 1000);
  listenToHtmx();
};
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
