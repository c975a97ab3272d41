/* Dialogs: the question before a deed, the help */
import { $, $$, target, visible } from "./dom.js";

/* The help says what each key does on this very screen, and which letters its buttons have */
const wordsOf = (el) => {
  if (!el.matches("a, button")) return "";
  const copy = el.cloneNode(true);
  $$("kbd", copy).forEach((kbd) => kbd.remove());
  return copy.textContent.replace(/\s+/g, " ").trim();
};
const tellKeys = (dialog) => {
  for (const row of $$("[data-help]", dialog)) {
    const action = row.dataset.help, el = target(action);
    const isElsewhere = !el && !["help", "refresh"].includes(action) && !(action === "save" && $("form[data-main]"));
    row.classList.toggle("elsewhere", isElsewhere);
    const here = $(".here", row), words = el && action !== "help" ? wordsOf(el) : "";
    here.textContent = isElsewhere ? "không có ở màn hình này" : words;
    if (words === here.parentElement.firstChild.data.trim()) here.textContent = "";
  }
  const letters = $("[data-letters]", dialog);
  const rows = $$("[data-key]").filter((el) => visible(el) && wordsOf(el)).map((el) => {
    const row = document.createElement("tr"), key = document.createElement("th"), kbd = document.createElement("kbd");
    key.scope = "row";
    kbd.textContent = `Alt+${el.dataset.key.toUpperCase()}`;
    key.append(kbd);
    row.append(key);
    row.insertCell().textContent = wordsOf(el);
    return row;
  });
  $("tbody", letters).replaceChildren(...rows);
  letters.hidden = !rows.length;
};

export const open = (dialog) => {
  if (!dialog) return false;
  if (dialog.id === "help" && !dialog.open) tellKeys(dialog);
  if (!dialog.open) dialog.showModal();
  $("[data-safe]", dialog)?.focus();
  return true;
};
export const ask = (question, yes) => {
  const dialog = $("#confirm");
  $("[data-question]", dialog).textContent = question;
  $("[data-yes]", dialog).onclick = () => { dialog.close(); yes(); };
  open(dialog);
};
