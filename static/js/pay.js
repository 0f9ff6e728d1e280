// Comforts of the payment page: the total follows what is chosen. The page works without this file.
"use strict";

const total = document.querySelector("[data-total]");
const bills = [...document.querySelectorAll("input[name=bills][data-minor]")];
if (total && bills.length) {
  const amount = total.querySelector(".money");
  const decimals = Number(total.dataset.decimals);
  const show = () => {
    const minor = bills.filter((bill) => bill.checked).reduce((sum, bill) => sum + Number(bill.dataset.minor), 0);
    const figure = (minor / 10 ** decimals).toLocaleString("en-US", { minimumFractionDigits: decimals });
    amount.firstChild.textContent = `${figure} `;
  };
  bills.forEach((bill) => bill.addEventListener("change", show));
}
