// The processor's own element for a card or bank account: mounted, confirmed there, and then the form is sent.
"use strict";

const place = document.querySelector("[data-setup]");
const setupForm = document.querySelector("[data-setup-form]");
if (place && setupForm && window.Stripe) {
  const stripe = window.Stripe(place.dataset.key);
  const elements = stripe.elements({ clientSecret: place.dataset.secret });
  elements.create("payment").mount(place);
  const refusal = document.querySelector("[data-setup-refusal]");
  let done = false;
  setupForm.addEventListener("submit", async (event) => {
    if (done) return;
    event.preventDefault();
    refusal.hidden = true;
    setupForm.setAttribute("aria-busy", "true");
    const { error } = await stripe.confirmSetup({
      elements, redirect: "if_required", confirmParams: { return_url: window.location.href },
    });
    setupForm.removeAttribute("aria-busy");
    if (error) {
      refusal.textContent = error.message;
      refusal.hidden = false;
      return;
    }
    done = true;
    setupForm.requestSubmit();
  });
}
