/* Drafts: every 20 s and when a field is left, only when something changed */
import { $, alertNow, clock, csrf } from "./dom.js";
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
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    if (label) { label.textContent = `Đã lưu nháp ${clock()}`; label.classList.remove("failed"); }
  } catch {
    state.dirty = true;
    if (label && !label.matches(".failed")) alertNow("Chưa lưu được bản nháp, phần đã gõ vẫn còn trên màn hình");
    if (label) { label.textContent = "Chưa lưu được nháp"; label.classList.add("failed"); }
  } finally { state.busy = false; }
};
export const touched = (e) => {
  const form = e.target.closest?.("form[data-draft]");
  if (!form) return;
  if (!drafts.has(form)) drafts.set(form, {});
  drafts.get(form).dirty = true;
};
export const forgetDraft = (form) => drafts.delete(form);
export const isUnsaved = (form) => drafts.get(form)?.dirty;
