// What the pages need beyond htmx: polling that rests with the tab, yields to a selection, can be
// paused, and says so when the gateway stops answering. Every page works without this file.
"use strict";

(() => {
  const state = document.getElementById("live");
  let paused = false;

  const say = (word, text) => {
    if (state === null) return;
    state.dataset.state = word;
    state.textContent = text;
  };

  const selecting = () => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed;
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (paused || document.hidden || selecting()) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (paused || event.detail.xhr === undefined) return;
    const status = event.detail.xhr.status;
    if (status === 200 || status === 204) say("live", "live");
    else if (status === 0) say("lost", "Majordomo does not answer");
    else say("lost", `refused (${status}): reload this page`);
  });

  document.addEventListener("htmx:afterSwap", () => {
    if (state !== null && document.querySelector("[hx-trigger]") === null) state.hidden = true;
  });

  if (state !== null) {
    state.hidden = false;
    state.addEventListener("click", () => {
      paused = !paused;
      say(paused ? "paused" : "live", paused ? "paused" : "live");
      state.setAttribute("aria-pressed", String(paused));
    });
  }

  // A filter applies as soon as it is chosen; the button is for those without scripts.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-instant]");
    if (form !== null) form.requestSubmit();
  });
})();
