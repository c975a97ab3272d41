/* Drafts: every 20 s and when a field is left, only when something changed */
import { $, $$, alertNow, clock, csrf } from "./dom.js";
import { freshen } from "./forms.js";

const drafts = new WeakMap();
export const saveDraft = async (form) => {
  const state = drafts.get(form);
  if (!state?.dirty || state.busy || !form.isConnected) return;
  state.busy = true;
  state.dirty = false;
  freshen(form);
  const label = $("[data-draft-state]", form) || $("[data-draft-state]");
  try {
    const answer = await fetch(form.dataset.draft, { method: "POST", body: new FormData(form), headers: { "X-CSRFToken": csrf() }, keepalive: true });
    if (answer.status === 409 && /^text\/plain/.test(answer.headers.get("Content-Type"))) throw { said: await answer.text() }; /* another was faster */
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    if (form.elements.seen) form.elements.seen.value = answer.headers.get("X-Seen") || form.elements.seen.value;
    if (label) { label.textContent = `Đã lưu nháp ${clock()}`; label.classList.remove("failed"); }
  } catch ({ said }) {
    state.dirty = true;
    if (label && (said ? label.textContent !== said : !label.matches(".failed"))) alertNow(said || "Chưa lưu được bản nháp, phần đã gõ vẫn còn trên màn hình");
    if (label) { label.textContent = said || "Chưa lưu được nháp"; label.classList.add("failed"); }
  } finally { state.busy = false; }
};
const soil = (form) => {
  if (!drafts.has(form)) drafts.set(form, {});
  drafts.get(form).dirty = true;
};
export const touched = (e) => {
  const form = e.target.closest?.("form[data-draft]");
  if (form) soil(form);
};
/* Forms that come back with what could not be stored: `data-unsaved` */
export const readUnsaved = () => $$("form[data-unsaved]").forEach(soil);
export const forgetDraft = (form) => drafts.delete(form);
export const isUnsaved = (form) => drafts.get(form)?.dirty;
