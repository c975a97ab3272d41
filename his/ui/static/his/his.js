/* One script, no framework: keys, scanner, focus, search-as-you-type, grids, drafts, printing, announcements.
   Everything is asked for by data- attributes (see his/ui/README.md); without script the forms still work. */
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const visible = (el) => !el.disabled && el.getClientRects().length > 0;
  const SIGNED_OUT = "Phiên làm việc đã hết. Những gì đã gõ vẫn còn: đăng nhập ở thẻ mới rồi lưu.";
  const clock = () => new Date().toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Ho_Chi_Minh" });
  const csrf = () => {
    const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/); /* newer than the page after a new sign-in */
    if (cookie) return cookie[1];
    try { return JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || ""; } catch { return ""; }
  };

  /* Announcements: one polite region, one urgent */
  let hush = 0;
  const say = (text) => { const el = $("#live"); if (el) { el.textContent = ""; setTimeout(() => { el.textContent = text; }, 30); } };
  const alertNow = (text) => {
    const el = $("#alert");
    if (!el) return;
    el.textContent = text;
    clearTimeout(hush);
    hush = setTimeout(() => { el.textContent = ""; }, 6000);
  };
  window.his = { say, alert: alertNow };
  document.addEventListener("his:say", (e) => say(e.detail.text));
  document.addEventListener("his:alert", (e) => alertNow(e.detail.text));

  /* Focus: on load, and after a part of the page was replaced */
  const focusOn = (el) => {
    if (!el) return false;
    el.focus({ preventScroll: false });
    if (el.select && el.matches("[data-select]")) el.select();
    return true;
  };
  const focusIn = (root) => focusOn($(".summary[data-focus]", root) || $("[aria-invalid=true]", root) || $$("[data-focus], [autofocus]", root).find(visible));

  /* Keys. The map is in the page; nothing here gives a key a meaning of its own */
  const keymap = () => JSON.parse($("#keymap")?.textContent || "[]");
  const combo = (e) => [e.ctrlKey && "Ctrl", e.altKey && "Alt", e.shiftKey && "Shift", e.key].filter(Boolean).join("+");
  const scope = () => $("dialog[open]") || document;
  const target = (action) => $$(`[data-action="${action}"]`, scope()).find(visible);

  const act = (key, e) => {
    if (key.action === "save" && scope() === document && saveOwn(e.target)) { e.preventDefault(); return; }
    const el = target(key.action);
    if (el) {
      e.preventDefault();
      if (el.matches("input:not([type=button],[type=submit]), select, textarea, [data-list]")) {
        (el.matches("[data-list]") ? $("[aria-current]", el) || $("a, button", el) || el : el).focus();
        el.select?.();
      } else { expectLetters(key.action); el.click(); if (!ahead?.xhr) ahead = null; }
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
  const onKey = (e) => {
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

  /* Enter moves on, Shift+Enter goes back. A button keeps its own Enter, a text area its new line */
  const FIELDS = "input:not([type=hidden]), select, textarea, button[data-action=save], button[type=submit], button:not([type])";
  const onward = (el, step = 1) => {
    const form = el.closest("form[data-enter=next]");
    if (!form) return;
    if (step > 0 && lastOfGrid(el)) { addRow(el.closest("tr")); return; }
    const fields = $$(FIELDS, form).filter((f) => visible(f) && !f.readOnly && f.tabIndex >= 0 && (f === el || !f.closest("[data-enter-skip]")));
    const next = fields[fields.indexOf(el) + step];
    if (next) { next.focus(); next.select?.(); } else if (step > 0) (target("save") || el).focus();
  };
  const enter = (e) => {
    const el = e.target;
    if (isHeld()) { e.preventDefault(); return; }
    const form = el.closest?.("form[data-enter=next]");
    if (!form || el.matches("button, a, summary, [data-scan], [data-enter=submit]") || (el.matches("textarea") && !e.shiftKey)) return;
    e.preventDefault();
    onward(el, e.shiftKey ? -1 : 1);
  };
  const arrows = (e) => {
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

  /* Scanner: more than 8 characters, nearly all with less than 30 ms between them, are a scan, whatever field has the
     focus. A busy machine or line may hold a scanner up for a moment; nobody's hands type that fast around a pause.
     The field gets its former value back; the text goes to the [data-scan] box, whose form is sent. */
  const GAP = 30, LEAST = 9, SILENCE = 150, HELD_UP = 1 / 8;
  const NOTHING = { text: "", at: -SILENCE, held: 0, el: null, before: "", timer: 0 };
  let burst = { ...NOTHING };
  const isScan = () => burst.text.length >= LEAST && burst.held <= Math.max(1, burst.text.length * HELD_UP);
  const onScanKey = (e) => {
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

  /* Search as you type: at most ten rows, arrows and Enter, code into the hidden input beside the box */
  const lists = new WeakMap();
  const stateOf = (box) => { if (!lists.has(box)) lists.set(box, {}); return lists.get(box); };
  const rest = (box) => { /* what was asked is not wanted any more */
    const state = stateOf(box);
    clearTimeout(state.timer);
    state.stop?.abort();
    state.waiting = false;
  };
  const look = (box, delay = 120, isOffer = false) => { /* an offer: shown, but Enter passes over it */
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
  const hiddenOf = (box) => $("input[type=hidden]", box.closest(".typeahead"));
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
  const leave = (box) => {
    if (document.activeElement === box || !box.isConnected) return;
    if (stateOf(box).waiting) stateOf(box).missed = true;
    rest(box);
    shut(box);
    if (box.dataset.free !== undefined || !box.value.trim() || hiddenOf(box).value) return;
    box.setAttribute("aria-invalid", "true"); /* words without a choice are not stored: say so at once */
    alertNow(`Chưa chọn dòng nào cho “${box.value.trim()}”`);
  };
  /* Coming to a box: its favourites, or the rows for words that have found none yet */
  const entered = (box) => {
    const words = box.value.trim(), { missed } = stateOf(box);
    if (words ? missed || (box.dataset.free === undefined && !hiddenOf(box).value) : box.dataset.favourites !== undefined) look(box, 0, words && !missed);
  };
  const choose = (box, li) => {
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
  const onTypeaheadKey = (e) => {
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

  /* Grids: rows added from the row template, removed by mark when stored; Django formset names */
  const lastOfGrid = (el) => {
    const row = el.closest("[data-grid] tbody tr");
    if (!row || !$("[data-grid-row]", row.closest("[data-grid]"))) return false;
    const fields = $$("input:not([type=hidden]), select", row).filter(visible);
    const rest = $$("tr", row.parentElement).filter((r) => r !== row && row.compareDocumentPosition(r) & 4 && !r.matches(".gone"));
    return !rest.length && fields.at(-1) === el && fields.some((f) => f.value);
  };
  const addRow = (from) => {
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
  const removeRow = (from) => {
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
  const gridKey = (e, what) => {
    const row = e.target.closest?.("[data-grid] tbody tr");
    if (row) { e.preventDefault(); what(row); }
  };

  const freshen = (form) => $$("input[name=csrfmiddlewaretoken]", form).forEach((el) => { el.value = csrf() || el.value; });
  const typed = (form) => $$("input, textarea", form).some((el) => !["hidden", "checkbox", "radio"].includes(el.type) && !el.matches("[data-scan]") && el.value !== el.defaultValue);

  /* Drafts: every 20 s and when a field is left, only when something changed */
  const drafts = new WeakMap();
  const saveDraft = async (form) => {
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
  const touched = (e) => {
    const form = e.target.closest?.("form[data-draft]");
    if (!form) return;
    if (!drafts.has(form)) drafts.set(form, {});
    drafts.get(form).dirty = true;
  };

  /* Printing: the PDF in a hidden frame, or in a new tab when the browser does not let the frame print */
  const printPdf = (url) => {
    if (navigator.webdriver) { window.open(url, "_blank"); return; } /* a driven browser cannot answer the print dialog */
    $("#print-frame")?.remove();
    const frame = document.createElement("iframe");
    frame.id = "print-frame";
    frame.className = "unseen";
    frame.title = "Bản in";
    frame.addEventListener("load", () => {
      let page = null;
      try { page = frame.contentDocument; } catch { /* the viewer of the browser is no page of ours */ }
      if (page?.contentType === "text/html") { /* a refusal in its place: it is said, not printed */
        alertNow(`Chưa in được. ${$("[role=alert]", page)?.textContent.replace(/\s+/g, " ").trim() || ""}`);
        return;
      }
      try { frame.contentWindow.focus(); frame.contentWindow.print(); say("Đã gửi tới máy in"); } catch { window.open(url, "_blank"); }
    });
    frame.src = url;
    document.body.append(frame);
  };

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

  /* Dialogs */
  const open = (dialog) => {
    if (!dialog) return false;
    if (dialog.id === "help" && !dialog.open) tellKeys(dialog);
    if (!dialog.open) dialog.showModal();
    $("[data-safe]", dialog)?.focus();
    return true;
  };
  const ask = (question, yes) => {
    const dialog = $("#confirm");
    $("[data-question]", dialog).textContent = question;
    $("[data-yes]", dialog).onclick = () => { dialog.close(); yes(); };
    open(dialog);
  };

  /* Values as they are written: 1250500 -> 1.250.500; 22112026 -> 22/11/2026 */
  const tidy = (el) => {
    if (el.matches("[data-money]") && /^\d{4,15}$/.test(el.value.trim())) el.value = el.value.trim().replace(/\B(?=(\d{3})+$)/g, ".");
    if (el.matches("[data-day]") && /^\d{8}$/.test(el.value.trim())) el.value = el.value.trim().replace(/^(\d\d)(\d\d)(\d{4})$/, "$1/$2/$3");
  };

  /* Change: `data-change-of="#amount"` on what was handed over, `data-change-in="#output"` for what goes back */
  const giveChange = (el) => {
    const number = (box) => (box && /^[\d.]+$/.test(box.value.trim()) ? Number(box.value.replace(/\./g, "")) : NaN);
    const back = number(el) - number($(el.dataset.changeOf));
    $(el.dataset.changeIn).textContent = Number.isNaN(back) ? "–" : back < 0 ? "chưa đủ" : `${String(back).replace(/\B(?=(\d{3})+$)/g, ".")} đ`;
  };

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

  /* Polling that rests: `data-poll="15"` fires his:poll while the page is seen, four times slower when nobody works */
  let lastWork = Date.now();
  const polled = new WeakMap();
  const poll = () => {
    if (document.visibilityState !== "visible") return;
    const slow = Date.now() - lastWork > 120000 ? 4 : 1;
    for (const el of $$("[data-poll]")) {
      if (!polled.has(el)) polled.set(el, Date.now());
      if (Date.now() - polled.get(el) < Number(el.dataset.poll) * 1000 * slow || el.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) continue;
      polled.set(el, Date.now());
      el.dispatchEvent(new CustomEvent("his:poll"));
    }
  };

  /* Slow answers. The focus follows what a person asked for; it never goes after news or checks that come by themselves,
     and never away from a field that was entered meanwhile. What was typed while the answer was on its way is kept. */
  const BY_HAND = ["click", "submit", "his:choose"];
  /* Of a request: where the focus was, when, and the field in use as the answer is put in; of a field: when it was typed into */
  const asked = new WeakMap(), typedAt = new WeakMap();
  const cause = (detail) => detail.requestConfig?.triggeringEvent?.type;
  const fieldInUse = () => { const el = document.activeElement; return el?.matches("input, select, textarea") ? el : null; };
  const settleFocus = (detail, part) => {
    const { from, field } = asked.get(detail.xhr) || {}, current = fieldInUse();
    const isReplaced = field && !field.isConnected; /* then the focus is with its successor: nobody moved */
    if (current && current !== field && !isReplaced && !part.contains(current)) return; /* one moved on while it settled */
    const isInUse = field?.isConnected && !part.contains(field);
    if (isInUse && (!BY_HAND.includes(cause(detail)) || from !== field)) { if (current !== field) field.focus(); } /* htmx follows autofocus */
    else if (cause(detail) !== "his:poll") focusIn(part);
  };
  /* A part is replaced under the hands: its empty box of the same name gets the letters typed since the request */
  let carried = null;
  const carry = ({ xhr, target: part }) => {
    const field = fieldInUse(), request = asked.get(xhr) || {};
    request.field = field;
    const isNew = field?.id && part.contains(field) && typedAt.get(field) > request.at;
    carried = isNew ? { xhr, id: field.id, text: field.value } : null;
  };
  const putBack = (xhr) => {
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
  const isHeld = () => ahead?.xhr && ahead.from === document.activeElement;
  const holdLetters = (e) => {
    if (!isHeld() || !/^(insertText|deleteContentBackward|insertLineBreak)$/.test(e.inputType)) return;
    if (e.inputType === "deleteContentBackward") ahead.text = ahead.text.slice(0, -1); else ahead.text += e.data || "";
    e.preventDefault();
  };
  const giveLetters = (xhr) => {
    if (!ahead || ahead.xhr !== xhr) return;
    const { text, from } = ahead, to = fieldInUse() || from;
    ahead = null;
    if (text && to.matches(TEXT)) write(to, text);
  };

  /* What is missing the server says, in Vietnamese and beside each field: the browser has its own language and says one thing */
  const leaveChecks = () => $$("form").forEach((form) => { form.noValidate = true; });

  let keys = [];
  const start = () => {
    keys = keymap();
    leaveChecks();
    const begun = fieldInUse(); /* one may type before the script is there */
    if (!begun || begun.value === (begun.defaultValue ?? begun.value)) focusIn(document);
    else if (begun.matches("[data-typeahead]")) look(begun, 0);
    document.addEventListener("beforeinput", holdLetters, true);
    document.addEventListener("compositionstart", () => { if (isHeld()) giveLetters(ahead.xhr); }); /* cannot be held */
    $$("[data-change-of]").forEach(giveChange);
    document.addEventListener("keydown", onScanKey, true);
    document.addEventListener("keydown", onTypeaheadKey);
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", onClick);
    document.addEventListener("input", (e) => {
      touched(e);
      typedAt.set(e.target, performance.now());
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
    document.addEventListener("submit", (e) => { drafts.delete(e.target); freshen(e.target); }, true);
    document.addEventListener("keydown", () => { lastWork = Date.now(); }, { passive: true });
    document.addEventListener("pointerdown", (e) => {
      lastWork = Date.now();
      if (e.target.closest("[role=listbox]")) e.preventDefault(); /* the box keeps the focus */
    });
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") $$("form[data-draft]").forEach(saveDraft); });
    addEventListener("beforeunload", (e) => { if ($$("form[data-draft]").some((f) => drafts.get(f)?.dirty)) e.preventDefault(); });
    setInterval(() => $$("form[data-draft]").forEach(saveDraft), 20000);
    setInterval(poll, 1000);

    /* htmx */
    document.addEventListener("htmx:load", leaveChecks);
    document.addEventListener("htmx:afterSettle", (e) => {
      const { elt, xhr } = e.detail;
      settleFocus(e.detail, elt?.isConnected ? elt : e.detail.target || document);
      putBack(xhr);
      giveLetters(xhr);
    });
    document.addEventListener("htmx:beforeRequest", ({ detail: { xhr } }) => {
      asked.set(xhr, { from: document.activeElement, at: performance.now() });
      if (ahead && !ahead.xhr) ahead.xhr = xhr;
    });
    document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => setTimeout(giveLetters, 500, xhr)); /* when nothing was put in */
    document.addEventListener("htmx:confirm", (e) => {
      if (!e.detail.question) return;
      e.preventDefault();
      ask(e.detail.question, () => e.detail.issueRequest(true));
    });
    document.addEventListener("htmx:configRequest", (e) => {
      /* Looking for news is not work: it must not keep an abandoned session alive */
      if (e.detail.triggeringEvent?.type === "his:poll") e.detail.headers["X-Poll"] = "1";
      if (csrf()) e.detail.headers["X-CSRFToken"] = csrf();
    });
    document.addEventListener("htmx:beforeSwap", (e) => {
      /* News that comes after the part that asked for it has gone must not push away what was opened meanwhile */
      const isNews = cause(e.detail) === "his:poll", field = fieldInUse();
      if (isNews && (!e.detail.requestConfig.elt.isConnected || (field && e.detail.target.contains(field)))) { e.detail.shouldSwap = false; return; }
      carry(e.detail);
      if (e.detail.xhr.status >= 400 && e.detail.serverResponse.includes("data-refusal")) {
        e.detail.target = $("#messages");
        e.detail.swapOverride = "innerHTML";
        return;
      }
      /* Signed out meanwhile: the sign-in page belongs in the window, not in a pane */
      const path = new URL(e.detail.xhr.responseURL || location.href, location.href).pathname;
      if (path !== e.detail.pathInfo?.finalRequestPath?.split("?")[0] && $("[name=password]", new DOMParser().parseFromString(e.detail.serverResponse || "", "text/html"))) {
        e.detail.shouldSwap = false;
        if ($$("form[method=post]").some(typed)) alertNow(SIGNED_OUT);
        else location.reload();
      }
    });
    for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => alertNow("Không gửi được tới máy chủ. Kiểm tra mạng rồi làm lại."));
    document.addEventListener("htmx:responseError", () => alertNow("Máy chủ gặp lỗi, việc vừa làm chưa được lưu."));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
