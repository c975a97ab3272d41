/* Grids: rows added from the row template, removed by mark when stored; Django formset names */
import { $, $$, say, visible } from "./dom.js";

export const lastOfGrid = (el) => {
  const row = el.closest("[data-grid] tbody tr");
  if (!row || !$("[data-grid-row]", row.closest("[data-grid]"))) return false;
  const fields = $$("input:not([type=hidden]), select", row).filter(visible);
  const rest = $$("tr", row.parentElement).filter((r) => r !== row && row.compareDocumentPosition(r) & 4 && !r.matches(".gone"));
  return !rest.length && fields.at(-1) === el && fields.some((f) => f.value);
};
export const addRow = (from) => {
  const grid = from.closest("[data-grid]");
  const total = $("input[name$=-TOTAL_FORMS]", grid.closest("form"));
  const index = total ? Number(total.value) : $$("tbody tr", grid).length;
  const holder = document.createElement("template");
  holder.innerHTML = $("template[data-grid-row]", grid).innerHTML.replaceAll("__prefix__", index);
  const row = holder.content.firstElementChild;
  $("tbody", grid).append(holder.content);
  if (total) total.value = index + 1;
  window.htmx?.process(row);
  $("input:not([type=hidden]), select", row)?.focus();
  row.dispatchEvent(new CustomEvent("his:row", { bubbles: true }));
  say("Đã thêm dòng");
};
export const removeRow = (from) => {
  const row = from.closest("tr");
  const near = [row.previousElementSibling, row.nextElementSibling].find((r) => r && !r.matches(".gone"));
  const gone = $("input[name$=-DELETE]", row);
  const form = row.closest("form");
  if (gone) {
    if (gone.type === "checkbox") gone.checked = true; else gone.value = "on";
    row.classList.add("gone");
  } else row.remove();
  form?.dispatchEvent(new Event("input", { bubbles: true }));
  form?.dispatchEvent(new CustomEvent("his:row", { bubbles: true }));
  if (near) $("input:not([type=hidden]), select", near)?.focus();
  say("Đã bỏ dòng");
};
export const gridKey = (e, what) => {
  const row = e.target.closest?.("[data-grid] tbody tr");
  if (row) { e.preventDefault(); what(row); }
};
