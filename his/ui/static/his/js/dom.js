/* What every part of the script needs: selectors, announcements, focus. It imports nothing. */
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
export const visible = (el) => !el.disabled && el.getClientRects().length > 0;
export const SIGNED_OUT = "Phiên làm việc đã hết. Những gì đã gõ vẫn còn: đăng nhập ở thẻ mới rồi lưu.";
export const clock = () => new Date().toLocaleTimeString("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Ho_Chi_Minh" });
export const csrf = () => {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/); /* newer than the page after a new sign-in */
  if (cookie) return cookie[1];
  try { return JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || ""; } catch { return ""; }
};

/* Announcements: one polite region, one urgent */
let hush = 0;
export const say = (text) => { const el = $("#live"); if (el) { el.textContent = ""; setTimeout(() => { el.textContent = text; }, 30); } };
export const alertNow = (text) => {
  const el = $("#alert");
  if (!el) return;
  el.textContent = text;
  clearTimeout(hush);
  hush = setTimeout(() => { el.textContent = ""; }, 6000);
};

/* Focus: on load, and after a part of the page was replaced */
const focusOn = (el) => {
  if (!el) return false;
  el.focus({ preventScroll: false });
  if (el.select && el.matches("[data-select]")) el.select();
  return true;
};
export const focusIn = (root) => focusOn($(".summary[data-focus]", root) || $("[aria-invalid=true]", root) || $$("[data-focus], [autofocus]", root).find(visible));

/* Where one is: the open dialog or the page, the element that an action presses there, the field that has the focus */
export const scope = () => $("dialog[open]") || document;
export const target = (action) => $$(`[data-action="${action}"]`, scope()).find(visible);
export const fieldInUse = () => { const el = document.activeElement; return el?.matches("input, select, textarea") ? el : null; };
