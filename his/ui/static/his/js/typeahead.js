/* Search as you type: at most ten rows, arrows and Enter, code into the hidden input beside the box */
import { $, $$, SIGNED_OUT, alertNow, say } from "./dom.js";
import { onward } from "./moves.js";

const lists = new WeakMap();
const stateOf = (box) => { if (!lists.has(box)) lists.set(box, {}); return lists.get(box); };
const rest = (box) => { /* what was asked is not wanted any more */
  const state = stateOf(box);
  clearTimeout(state.timer);
  state.stop?.abort();
  state.waiting = false;
};
export const look = (box, delay = 120, isOffer = false) => { /* an offer: shown, but Enter passes over it */
  rest(box);
  const state = stateOf(box), stop = new AbortController();
  Object.assign(state, { stop, isOffer, waiting: true, missed: false, take: false, steps: 0 });
  state.timer = setTimeout(async () => {
    const q = box.value.trim();
    if (!q && box.dataset.favourites === undefined) { state.waiting = false; return shut(box); }
    const url = new URL(box.dataset.typeahead, location.href);
    url.searchParams.set("q", q);
    for (const el of $$(box.dataset.with || "#none")) url.searchParams.set(el.name, el.value);
    const ask = async () => {
      const answer = await fetch(url, { signal: stop.signal, headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) throw new Error(answer.redirected ? SIGNED_OUT : "Không tìm được lúc này, hãy thử lại");
      return answer.text();
    };
    try {
      const html = await ask().catch((error) => { if (stop.signal.aborted) throw error; return ask(); }); /* a weak line gets a second chance */
      if (stop.signal.aborted) return;
      state.waiting = false;
      if (document.activeElement !== box) { state.missed = true; return; }
      show(box, html);
      if (!isOffer && (box.value.trim() || state.steps)) mark(box, state.steps);
      const chosen = $("[aria-selected=true]", listOf(box));
      if (state.take && chosen) { choose(box, chosen); onward(box); }
    } catch (error) {
      if (stop.signal.aborted) return;
      state.waiting = false;
      shut(box);
      alertNow(error instanceof TypeError ? "Không gửi được tới máy chủ. Kiểm tra mạng rồi làm lại." : error.message);
    }
  }, delay);
};
const listOf = (box) => document.getElementById(box.getAttribute("aria-controls"));
export const hiddenOf = (box) => $("input[type=hidden]", box.closest(".typeahead"));
const show = (box, html) => {
  const list = listOf(box);
  list.innerHTML = html;
  $$("li", list).slice(10).forEach((li) => li.remove());
  $$("[role=option]", list).forEach((li, i) => { li.id = `${list.id}_${i}`; li.setAttribute("aria-selected", "false"); });
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
  place(box, list);
  say(`${$$("[role=option]", list).length} gợi ý`);
};
const place = (box, list) => {
  const at = box.getBoundingClientRect();
  const below = innerHeight - at.bottom > list.offsetHeight + 8 || at.top < list.offsetHeight;
  list.style.position = "fixed";
  list.style.minWidth = `${Math.max(at.width, Math.min(440, innerWidth - 16))}px`;
  list.style.left = `${Math.max(4, Math.min(at.left, innerWidth - list.offsetWidth - 8))}px`;
  list.style.top = below ? `${at.bottom}px` : `${at.top - list.offsetHeight - 4}px`;
};
const mark = (box, to) => {
  const options = $$("[role=option]", listOf(box));
  if (!options.length) return;
  const at = ((to % options.length) + options.length) % options.length;
  options.forEach((li, i) => li.setAttribute("aria-selected", String(i === at)));
  box.setAttribute("aria-activedescendant", options[at].id);
  options[at].scrollIntoView({ block: "nearest" });
};
const shut = (box) => {
  const list = listOf(box);
  if (list) { list.hidden = true; list.innerHTML = ""; }
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
};
export const leave = (box) => {
  if (document.activeElement === box || !box.isConnected) return;
  if (stateOf(box).waiting) stateOf(box).missed = true;
  rest(box);
  shut(box);
  if (box.dataset.free !== undefined || !box.value.trim() || hiddenOf(box).value) return;
  box.setAttribute("aria-invalid", "true"); /* words without a choice are not stored: say so at once */
  alertNow(`Chưa chọn dòng nào cho “${box.value.trim()}”`);
};
/* Coming to a box: its favourites, or the rows for words that have found none yet */
export const entered = (box) => {
  const words = box.value.trim(), { missed } = stateOf(box);
  if (words ? missed || (box.dataset.free === undefined && !hiddenOf(box).value) : box.dataset.favourites !== undefined) look(box, 0, words && !missed);
};
export const choose = (box, li) => {
  const hidden = hiddenOf(box);
  rest(box);
  box.value = li.dataset.label;
  hidden.value = li.dataset.code;
  box.removeAttribute("aria-invalid");
  const row = box.closest("tr, [data-row], form") || document;
  for (const { name, value } of Array.from(li.attributes)) {
    if (!name.startsWith("data-fill-")) continue;
    for (const el of $$(`[data-fill="${name.slice(10)}"]`, row)) {
      if ("value" in el) { el.value = value; el.dispatchEvent(new Event("change", { bubbles: true })); } else el.textContent = value;
    }
  }
  shut(box);
  hidden.dispatchEvent(new Event("change", { bubbles: true }));
  box.dispatchEvent(new CustomEvent("his:choose", { bubbles: true, detail: { code: li.dataset.code, label: li.dataset.label } }));
  if (document.activeElement === box) box.select(); /* the next words replace these */
};
export const onTypeaheadKey = (e) => {
  const box = e.target;
  if (!box.matches?.("[data-typeahead]") || e.isComposing || e.altKey || e.ctrlKey) return;
  const options = $$("[role=option]", listOf(box));
  const at = options.findIndex((li) => li.getAttribute("aria-selected") === "true");
  const isOpen = box.getAttribute("aria-expanded") === "true";
  const state = stateOf(box);
  /* Typed faster than the answer: what stands in the list belongs to fewer letters. The keys wait for its own rows */
  const isBehind = state.waiting && !state.isOffer && box.value.trim() && !hiddenOf(box).value;
  if (e.key === "ArrowDown" || e.key === "ArrowUp") {
    if (box.closest("[data-grid]") && !isOpen && !box.value) return;
    e.preventDefault();
    if (isBehind) state.steps += e.key === "ArrowDown" ? 1 : -1;
    else if (isOpen) mark(box, at < 0 && e.key === "ArrowUp" ? -1 : at + (e.key === "ArrowDown" ? 1 : -1)); else look(box, 0);
  } else if (isBehind && (e.key === "Enter" || (e.key === "Tab" && !e.shiftKey && isOpen))) {
    e.preventDefault();
    state.take = true;
  } else if ((e.key === "Enter" || e.key === "Tab") && isOpen && at >= 0) {
    choose(box, options[at]);
    if (!box.closest("form[data-enter=next]") && e.key === "Enter") e.preventDefault();
  } else if (e.key === "Escape" && isOpen) { e.preventDefault(); e.stopPropagation(); shut(box); }
};
