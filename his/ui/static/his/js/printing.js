/* Printing: the PDF in a hidden frame, or in a new tab when the browser does not let the frame print */
import { $, alertNow, say } from "./dom.js";

export const printPdf = (url) => {
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
