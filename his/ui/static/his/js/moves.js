/* Enter moves on, Shift+Enter goes back. A button keeps its own Enter, a text area its new line */
import { $, $$, target, visible } from "./dom.js";
import { addRow, lastOfGrid } from "./grid.js";
import { isHeld } from "./slow_answers.js";

const FIELDS = "input:not([type=hidden]), select, textarea, button[data-action=save], button[type=submit], button:not([type])";
export const onward = (el, step = 1) => {
  const form = el.closest("form[data-enter=next]");
  if (!form) return;
  if (step > 0 && lastOfGrid(el)) { addRow(el.closest("tr")); return; }
  const fields = $$(FIELDS, form).filter((f) => visible(f) && !f.readOnly && f.tabIndex >= 0 && (f === el || !f.closest("[data-enter-skip]")));
  const next = fields[fields.indexOf(el) + step];
  if (next) { next.focus(); next.select?.(); } else if (step > 0) (target("save") || el).focus();
};
export const enter = (e) => {
  const el = e.target;
  if (isHeld()) { e.preventDefault(); return; }
  const form = el.closest?.("form[data-enter=next]");
  if (!form || el.matches("button, a, summary, [data-scan], [data-enter=submit]") || (el.matches("textarea") && !e.shiftKey)) return;
  e.preventDefault();
  onward(el, e.shiftKey ? -1 : 1);
};
export const arrows = (e) => {
  if (e.target.getAttribute?.("aria-expanded") === "true") return;
  const step = e.key === "ArrowDown" ? 1 : -1;
  const list = e.target.closest?.("[data-list]");
  if (list) {
    const links = $$("a[href], button", list).filter(visible);
    const next = links[links.indexOf(document.activeElement) + step];
    if (next) { e.preventDefault(); next.focus(); }
    return;
  }
  const cell = e.target.closest?.("[data-grid] td");
  if (!cell || e.target.matches("select, textarea")) return;
  let row = cell.parentElement;
  do { row = step > 0 ? row.nextElementSibling : row.previousElementSibling; } while (row && row.matches(".gone"));
  const field = row && $("input:not([type=hidden]), select", row.cells[cell.cellIndex] || row);
  if (field) { e.preventDefault(); field.focus(); field.select?.(); }
};
