/* What the script adds to htmx: focus, questions, the token, refusals, lost lines */
import { $, $$, SIGNED_OUT, alertNow, csrf, fieldInUse } from "./dom.js";
import { ask } from "./dialogs.js";
import { leaveChecks, typed } from "./forms.js";
import { carry, cause, giveLetters, noteRequest, putBack, settleFocus } from "./slow_answers.js";

export const listenToHtmx = () => {
  document.addEventListener("htmx:load", leaveChecks);
  document.addEventListener("htmx:afterSettle", (e) => {
    const { elt, xhr } = e.detail;
    settleFocus(e.detail, elt?.isConnected ? elt : e.detail.target || document);
    putBack(xhr);
    giveLetters(xhr);
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => noteRequest(detail.xhr));
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
