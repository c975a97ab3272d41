/* Slow answers. The focus follows what a person asked for; it never goes after news or checks that come by themselves,
   and never away from a field that was entered meanwhile. What was typed while the answer was on its way is kept. */
import { $, fieldInUse, focusIn } from "./dom.js";

const BY_HAND = ["click", "submit", "his:choose"];
/* Of a request: where the focus was, when, and the field in use as the answer is put in; of a field: when it was typed into */
const asked = new WeakMap(), typedAt = new WeakMap();
export const noteTyping = (field) => typedAt.set(field, performance.now());
export const noteRequest = (xhr) => {
  asked.set(xhr, { from: document.activeElement, at: performance.now() });
  if (ahead && !ahead.xhr) ahead.xhr = xhr;
};
export const cause = (detail) => detail.requestConfig?.triggeringEvent?.type;
export const settleFocus = (detail, part) => {
  const { from, field } = asked.get(detail.xhr) || {}, current = fieldInUse();
  const isReplaced = field && !field.isConnected; /* then the focus is with its successor: nobody moved */
  if (current && current !== field && !isReplaced && !part.contains(current)) return; /* one moved on while it settled */
  const isInUse = field?.isConnected && !part.contains(field);
  if (isInUse && (!BY_HAND.includes(cause(detail)) || from !== field)) { if (current !== field) field.focus(); } /* htmx follows autofocus */
  else if (cause(detail) !== "his:poll") focusIn(part);
};
/* A part is replaced under the hands: its empty box of the same name gets the letters typed since the request */
let carried = null;
export const carry = ({ xhr, target: part }) => {
  const field = fieldInUse(), request = asked.get(xhr) || {};
  request.field = field;
  const isNew = field?.id && part.contains(field) && typedAt.get(field) > request.at;
  carried = isNew ? { xhr, id: field.id, text: field.value } : null;
};
export const putBack = (xhr) => {
  const field = carried?.xhr === xhr && document.getElementById(carried.id);
  if (!field) return;
  if (!field.value) { field.focus(); write(field, carried.text); }
  carried = null;
};
const write = (field, text) => {
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
/* Letters typed between a function key and the part that it opens belong to that part, not to the field that was left.
   Not on a desk with a scan box: there a scanner may speak at any time. */
let ahead = null;
const OPENS = ["new", "orders", "prescription"], TEXT = "input[type=text], input:not([type]), textarea";
const expectLetters = (action) => {
  const from = fieldInUse();
  ahead = from?.matches(TEXT) && OPENS.includes(action) && !$("[data-scan]") ? { from, text: "", xhr: null } : null;
};
export const pressAhead = (el, action) => {
  expectLetters(action);
  el.click();
  if (!ahead?.xhr) ahead = null;
};
export const isHeld = () => ahead?.xhr && ahead.from === document.activeElement;
export const holdLetters = (e) => {
  if (!isHeld() || !/^(insertText|deleteContentBackward|insertLineBreak)$/.test(e.inputType)) return;
  if (e.inputType === "deleteContentBackward") ahead.text = ahead.text.slice(0, -1); else ahead.text += e.data || "";
  e.preventDefault();
};
export const giveLetters = (xhr) => {
  if (!ahead || ahead.xhr !== xhr) return;
  const { text, from } = ahead, to = fieldInUse() || from;
  ahead = null;
  if (text && to.matches(TEXT)) write(to, text);
};
export const giveHeld = () => { if (isHeld()) giveLetters(ahead.xhr); };
