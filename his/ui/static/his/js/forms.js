/* Forms: what is sent with them, what the browser leaves to the server, values as they are written */
import { $, $$, csrf } from "./dom.js";

export const freshen = (form) => $$("input[name=csrfmiddlewaretoken]", form).forEach((el) => { el.value = csrf() || el.value; });
export const typed = (form) => $$("input, textarea", form).some((el) => !["hidden", "checkbox", "radio"].includes(el.type) && !el.matches("[data-scan]") && el.value !== el.defaultValue);

/* What is missing the server says, in Vietnamese and beside each field: the browser has its own language and says one thing */
export const leaveChecks = () => $$("form").forEach((form) => { form.noValidate = true; });

/* Values as they are written: 1250500 -> 1.250.500; 22112026 -> 22/11/2026 */
export const tidy = (el) => {
  if (el.matches("[data-money]") && /^\d{4,15}$/.test(el.value.trim())) el.value = el.value.trim().replace(/\B(?=(\d{3})+$)/g, ".");
  if (el.matches("[data-day]") && /^\d{8}$/.test(el.value.trim())) el.value = el.value.trim().replace(/^(\d\d)(\d\d)(\d{4})$/, "$1/$2/$3");
};

/* Change: `data-change-of="#amount"` on what was handed over, `data-change-in="#output"` for what goes back */
export const giveChange = (el) => {
  const number = (box) => (box && /^[\d.]+$/.test(box.value.trim()) ? Number(box.value.replace(/\./g, "")) : NaN);
  const back = number(el) - number($(el.dataset.changeOf));
  $(el.dataset.changeIn).textContent = Number.isNaN(back) ? "–" : back < 0 ? "chưa đủ" : `${String(back).replace(/\B(?=(\d{3})+$)/g, ".")} đ`;
};
