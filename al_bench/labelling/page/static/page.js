"use strict";
// The page is forms and works without this file; here are keys, the time an answer takes, and what
// is said when the server does not answer. A key presses the button that shows it.

let sending = false; // one answer at a time: a second key waits for the next row to be seen
let began = performance.now(); // when the row was shown, put forward by the time it was not visible
let hiddenAt = null;

const one = (selector) => document.querySelector(selector);

function classButtons() {
  return [...document.querySelectorAll("[data-class]:not([hidden])")];
}

function filterClasses(text) {
  const wanted = text.trim().toLocaleLowerCase();
  for (const button of document.querySelectorAll("[data-class]"))
    button.hidden = !button.value.toLocaleLowerCase().includes(wanted);
  classButtons().forEach((button, i) => {
    button.querySelector("kbd").textContent = i < 9 ? i + 1 : "";
  });
}

function buttonFor(event, filter) {
  // Digits by their place, too: on some keyboards they are typed with Shift, others without.
  const placed = !filter && !event.shiftKey && /^Digit\d$/.test(event.code);
  const key = placed ? event.code.at(-1) : event.key.toLowerCase();
  if (/^[1-9]$/.test(key)) return classButtons()[Number(key) - 1];
  if (filter) return key === "enter" ? classButtons()[0] : null;
  return one(`[data-key="${CSS.escape(key)}"]:not(:disabled)`);
}

function writes(event) {
  // Keys in the comment are its letters; Enter and Escape lead back to the row.
  if (event.target.id !== "comment") return false;
  if (event.key === "Enter" || event.key === "Escape") {
    event.preventDefault();
    one("#row").focus();
  }
  return true;
}

function opens(event) {
  const part = one(`details[data-opens="${CSS.escape(event.key.toLowerCase())}"]`);
  if (part) part.open = !part.open;
  return part;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || !one("#work")) return;
  if (writes(event)) return;
  const filter = event.target.id === "filter" ? event.target : null;
  if (event.key === "/" && !filter && one("#filter")) {
    event.preventDefault();
    one("#filter").focus();
  } else if (event.key === "Escape" && filter) {
    filter.value = "";
    filterClasses("");
    one("#row").focus();
  } else if (event.key === "c" && !filter) {
    event.preventDefault();
    one("#comment").focus();
  } else if (!filter && opens(event)) {
    event.preventDefault();
  } else {
    const button = buttonFor(event, filter);
    if (!button && !(filter && event.key === "Enter")) return;
    event.preventDefault();
    if (button && !sending && !event.repeat) button.click();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.id === "filter") filterClasses(event.target.value);
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = performance.now();
  else if (hiddenAt !== null) began += performance.now() - hiddenAt;
});

document.addEventListener("submit", (event) => {
  if (sending) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  const seconds = event.target.elements.seconds;
  if (seconds) seconds.value = ((performance.now() - began) / 1000).toFixed(2);
}, true);

const SILENT = "The server does not answer.";

function say(sentence) {
  one("#alert").textContent = sentence;
  one("#alert").hidden = !sentence;
}

const ofWork = (event) => event.detail.ctx?.target?.id === "work";
const written = (event) => event.detail.ctx?.request?.method?.toUpperCase() === "POST";

document.addEventListener("htmx:before:request", (event) => {
  if (ofWork(event) && written(event)) sending = true;
});

document.addEventListener("htmx:finally:request", (event) => {
  if (ofWork(event) && written(event)) sending = false;
});

document.addEventListener("htmx:error", (event) => {
  if (written(event)) say("The server does not answer, so this may not be saved. Press the key again.");
  else if (one("#alert").hidden) say(SILENT);
});

document.addEventListener("error", (event) => {
  if (!event.target.matches?.("#row img")) return;
  const words = document.createElement("p");
  words.className = "text";
  words.textContent = `${event.target.alt} cannot be shown; skip it or answer "not sure".`;
  event.target.replaceWith(words);
}, true);

// A refusal is a sentence to be read, not a page to be shown in place of the row.
document.addEventListener("htmx:before:swap", (event) => {
  const status = event.detail.ctx?.response?.status;
  if (status < 400) return;
  event.preventDefault();
  say(`${written(event) ? "Not saved: " : ""}${event.detail.ctx.text}`);
});

document.addEventListener("htmx:after:swap", (event) => {
  // What is said of an answer stays until the next one; the panel comes by itself every few seconds.
  if (ofWork(event) || one("#alert").textContent === SILENT) say("");
  if (!ofWork(event)) return;
  sending = false;
  began = performance.now();
  hiddenAt = document.hidden ? began : null;
  if (written(event) || one("#work").dataset.state === "row") one("#row").focus({ preventScroll: true });
  if (location.search.includes("again=")) history.replaceState(null, "", location.pathname);
  if (written(event)) document.body.dispatchEvent(new Event("answered"));
});
