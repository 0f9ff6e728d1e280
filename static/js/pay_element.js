// The processor's own element for a card or bank account: mount it, let it keep what was typed, then go on.
"use strict";

const form = document.querySelector("form[data-element]");
const said = form.querySelector("[data-said]");
const button = form.querySelector("button[type=submit]");

const say = (words) => {
  said.textContent = words;
  said.hidden = !words;
};

if (typeof window.Stripe === "function") {
  const processor = window.Stripe(form.dataset.publishableKey);
  const elements = processor.elements({ clientSecret: form.dataset.clientSecret });
  elements.create("payment").mount(form.querySelector("[data-mount]"));
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say("");
    const answer = await processor.confirmSetup({
      elements,
      redirect: "if_required",
      confirmParams: { return_url: window.location.href },
    });
    if (answer.error) {
      say(answer.error.message || "Please check what you typed.");
      button.disabled = false;
    } else {
      form.submit();
    }
  });
} else {
  say("The form of the processor could not be loaded. Please try again, or pay another way.");
}
